//! Creme CRM, which nobody here wrote: the page the daemon tells an agent's screen to open shows the caller's records, and
//! a number clicked there is dialled.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::daemon::token;
use hookswitch_tests::events::{kind, text};
use hookswitch_tests::ports::free_port;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time;

use crate::{PATIENCE, Script, peers};

/// A server of Creme on a database of its own.
struct Creme {
    url: String,
    _child: Child,
    _folder: TempDir,
}

impl Creme {
    async fn start(port: u16, dial: &str) -> Result<Self> {
        let creme = peers().join("creme");
        ensure!(creme.join("ready").exists(), "Creme CRM is not installed: run tests/presets/peers.sh");
        let site = creme.join("site/ctilab").canonicalize()?;
        let folder = tempfile::tempdir()?;
        let database = folder.path().join("creme.sqlite");
        std::fs::copy(site.join("creme.sqlite"), &database)?;
        let child = Command::new(creme.canonicalize()?.join("venv/bin/creme"))
            .args(["runserver", &format!("127.0.0.1:{port}"), "--noreload", "--settings=ctilab.settings"])
            .current_dir(&site)
            .env("PYTHONPATH", &site)
            .env("CREME_DATABASE", &database)
            .env("CREME_DIAL", dial)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let url = format!("http://127.0.0.1:{port}");
        let answers = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                // Before it listens there is nothing to wait on: ask again.
                time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        time::timeout(PATIENCE, answers).await.context("Creme CRM does not answer")?;
        Ok(Self { url, _child: child, _folder: folder })
    }
}

/// The daemon with Creme's preset: its page for pops, an address for its click-to-dial.
async fn stage(creme: &str) -> Result<Stage> {
    let mut settings = token("creme-clicks", "agent", Some("alice")).replace("hash", "in_url = true\nhash");
    settings += &token("creme-pages", "agent", Some("alice"));
    settings += &format!(
        "[[webhook]]\nname = \"creme\"\nurl = \"{creme}\"\npreset = \"creme\"\nallow_private = true\n\n\
         [[alias]]\npath = \"/click\"\naction = \"dial\"\nto = \"n_tel\"\n\n"
    );
    // The stage's own page gives way to the preset's, and a phone rings until a slow browser has told of its click.
    let change = |configuration: String| {
        let lines = configuration.lines().filter(|line| !line.starts_with("pop = "));
        lines.collect::<Vec<_>>().join("\n").replace("ring_timeout = \"4s\"", "ring_timeout = \"60s\"")
    };
    let stage = Stage::set_with(Place::Simulator, Mode::Route, &settings, change).await?;
    // Creme's pages may dial.
    let server = format!("[server]\nallowed_origins = [\"{creme}\"]\n");
    let changed = std::fs::read_to_string(stage.daemon.config())?.replacen("[server]\n", &server, 1);
    stage.daemon.api().post("/v1/config/apply", &json!({ "config": changed })).await?;
    Ok(stage)
}

/// Plays sentences; when they fail, the error has what phones saw and the daemon said.
async fn play(stage: &mut Stage, script: &str) -> Result<()> {
    let played = stage.play_script(script).await;
    played.with_context(|| format!("phones:\n{}\ndaemon:\n{}", stage.world.diary(), stage.daemon.log()))
}

/// The page of the latest pop.
fn page(stage: &Stage) -> Result<String> {
    let events = stage.events();
    let pop = events.iter().rev().find(|event| kind(event) == "screen.pop").context("no pop was told")?;
    Ok(text(pop, "/data/pop/url").context("it opens nothing")?.to_owned())
}

#[tokio::test]
async fn creme_shows_the_two_records_of_a_caller_and_the_form_for_a_stranger_and_dials() -> Result<()> {
    let port = free_port();
    let mut stage = stage(&format!("http://127.0.0.1:{port}")).await?;
    let click = format!("http://{}/click?access_token=creme-clicks", stage.daemon.api().address());
    let creme = Creme::start(port, &click).await?;

    play(&mut stage, "C dials A; A rings; see offered A; A answers; see answered A; C hangs up; see ended")
        .await?;
    let known = page(&stage)?;
    assert!(known.ends_with("/cti/respond_to_a_call?number=49305550001"), "{known}");
    play(&mut stage, "C2 dials A; A rings; see offered A; A answers; see answered A; C2 hangs up; see ended")
        .await?;
    let unknown = page(&stage)?;

    let environment = [("CREME", creme.url.as_str()), ("KNOWN", &known), ("UNKNOWN", &unknown)];
    let mut script = Script::run("creme.mjs", &environment)?;
    assert_eq!(script.line().await?, "records Kaya Lind, ACME GmbH");
    assert_eq!(script.line().await?, "form 49305550002");
    // A click on the telephone in the list of contacts.
    assert_eq!(script.line().await?, "clicked");
    play(&mut stage, "A rings; see started outbound").await?;
    assert_eq!(script.line().await?, "saved");
    script.done().await
}

#[tokio::test]
async fn element_in_creme_calls_a_number_of_its_list_and_shows_the_call() -> Result<()> {
    let port = free_port();
    let mut stage = stage(&format!("http://127.0.0.1:{port}")).await?;
    let creme = Creme::start(port, "http://127.0.0.1:9/nowhere").await?;

    let daemon = format!("http://{}", stage.daemon.api().address());
    let environment = [("CREME", creme.url.as_str()), ("DAEMON", &daemon), ("TOKEN", "creme-pages")];
    let mut script = Script::run("creme_phone.mjs", &environment)?;
    assert_eq!(script.line().await?, "clicked");
    play(&mut stage, "A rings; A answers; F rings; F answers; see answered A").await?;
    assert_eq!(script.line().await?, "talks");
    assert_eq!(script.line().await?, "over");
    play(&mut stage, "F is cut off; see ended").await?;
    script.done().await
}
