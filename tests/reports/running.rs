//! A daemon that runs, asked over HTTP and from the command line.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::daemon::{ADMIN, Daemon, token};
use serde_json::{Value, json};

/// Two agents with names that a spreadsheet would take for formulas, on a PBX that is not there.
fn configuration() -> String {
    let agent = |id: &str, team: &str| {
        format!(
            "[[agent]]\nid = \"{id}\"\npbx = \"hq\"\ndevices = [\"PJSIP/1{team}\"]\nteams = [\"{team}\"]\n\n"
        )
    };
    format!(
        "[[pbx]]\nname = \"hq\"\nkind = \"asterisk\"\naddress = \"127.0.0.1:1\"\nusername = \"u\"\nsecret = \"s\"\n\
         mode = \"observe\"\n\n{}{}{}[[queue]]\nid = \"support\"\nmembers = {{ teams = [\"01\", \"02\"] }}\n\n\
         [calendar.office]\ntimezone = \"Asia/Tokyo\"\nopen = {{ mon-fri = \"08:00-18:00\" }}\n",
        agent("+49alice", "01"),
        agent("bob", "02"),
        token("bobs", "agent", Some("bob")),
    )
}

/// The lines of a CSV answer, and its media type.
async fn csv(daemon: &Daemon, path: &str, token: &str) -> Result<(String, Vec<String>)> {
    let url = format!("http://{}{path}", daemon.api().address());
    let response =
        reqwest::Client::new().get(url).bearer_auth(token).header("accept", "text/csv").send().await?;
    ensure!(response.status().is_success(), "{path}: {}", response.status());
    let media = response.headers()["content-type"].to_str()?.to_owned();
    Ok((media, response.text().await?.split_terminator("\r\n").map(str::to_owned).collect()))
}

/// The report once the agent has worked at least so long.
async fn worked(daemon: &Daemon, agent: &str, ms: u64) -> Result<Value> {
    let api = daemon.api();
    let looking = async {
        loop {
            let report = api.get("/v1/reports/agents?interval=1h").await?;
            let rows = report["items"].as_array().context("rows")?.iter();
            let ready: u64 =
                rows.filter(|row| row["agent"] == agent).filter_map(|row| row["ready_ms"].as_u64()).sum();
            if ready >= ms {
                return Ok(report);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_tells_its_figures_in_every_form() -> Result<()> {
    let daemon = Daemon::start(&configuration()).await?;
    let api = daemon.api();
    api.put("/v1/agents/%2B49alice/state", &json!({ "state": "ready" })).await?;
    let report = worked(&daemon, "+49alice", 20).await?;
    ensure!(report["timezone"] == "Asia/Tokyo" && report["interval"] == "1h", "{report}");
    ensure!(report["total"]["ready_ms"].as_u64() >= Some(20), "{report}");

    let (media, lines) = csv(&daemon, "/v1/reports/agents", ADMIN).await?;
    ensure!(media == "text/csv; charset=utf-8; header=present", "{media}");
    ensure!(lines.len() == 3 && lines[0].starts_with("from,to,agent,handled,"), "{lines:?}");
    ensure!(lines[1].contains("T00:00:00+09:00,") && lines[1].contains(",\"'+49alice\",0,"), "{lines:?}");
    let (_, own) = csv(&daemon, "/v1/reports/agents", "bobs").await?;
    ensure!(own.len() == 2 && own[1].contains(",bob,"), "{own:?}");

    let list = api.get("/v1/agents/%2B49alice").await?;
    let today = &list["figures"]["today"];
    ensure!(today["ready_ms"].as_u64() >= Some(20) && list["figures"]["logged_in_at"].is_string(), "{list}");
    let queue = api.get("/v1/queues/support").await?;
    ensure!(queue["logged_in"] == 1 && queue["offered"] == 0 && queue["since"].is_string(), "{queue}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_prints_tables_csv_and_json() -> Result<()> {
    let daemon = Daemon::start(&configuration()).await?;
    let run = async |arguments: &[&str]| -> Result<(bool, String)> {
        let output = daemon.command(&[arguments, &["--token", ADMIN]].concat()).await?;
        let text = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
        Ok((output.status.success(), text))
    };
    let (fine, table) = run(&["report", "teams", "--interval", "1h"]).await?;
    ensure!(fine && table.starts_with("FROM") && table.contains("TOTAL"), "{table}");
    let (fine, csv) =
        run(&["report", "queues", "--csv", "--from", "2026-10-25", "--to", "2026-10-26"]).await?;
    ensure!(fine && csv.starts_with("from,to,queue,offered,") && csv.contains(",support,0,"), "{csv}");
    let (fine, text) = run(&["report", "agents", "--json", "--tz", "UTC"]).await?;
    let report: Value = serde_json::from_str(&text)?;
    ensure!(fine && report["timezone"] == "UTC", "{text}");
    let (fine, wrong) = run(&["report", "agents", "--interval", "7h"]).await?;
    ensure!(!fine && wrong.contains("interval: \"7h\"") && wrong.contains("hint: 15m"), "{wrong}");
    let (fine, queues) = run(&["queues"]).await?;
    ensure!(fine && queues.contains("ESTIMATED") && queues.contains("support"), "{queues}");
    let (fine, agents) = run(&["agents"]).await?;
    ensure!(fine && agents.contains("OCCUPANCY") && agents.contains("+49alice"), "{agents}");
    Ok(())
}
