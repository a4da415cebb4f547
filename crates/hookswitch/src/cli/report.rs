//! `hookswitch report`: figures of queues, agents or teams, interval by interval.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{
    Arguments, Outcome, block_on,
    client::Target,
    lists::{table, text},
};

/// Whose figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The queues, and calls that came to none
    Queues,
    /// The agents
    Agents,
    /// The teams
    Teams,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Whose figures
    subject: Subject,

    /// The first moment: RFC 3339, a date, or a local time; by default the midnight before --to
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// The first moment after; by default now
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// 15m, 30m, 1h or 1d
    #[arg(long, default_value = "1d")]
    interval: String,

    /// Time zone of dates and days; by default that of the daemon's calendars, else UTC
    #[arg(long, value_name = "NAME")]
    tz: Option<String>,

    /// Print CSV: every figure, a line a row
    #[arg(long)]
    csv: bool,

    #[command(flatten)]
    target: Target,
}

impl Options {
    fn path(&self) -> anyhow::Result<String> {
        let subject = match self.subject {
            Subject::Queues => "queues",
            Subject::Agents => "agents",
            Subject::Teams => "teams",
        };
        let asked = [
            ("from", self.from.as_deref()),
            ("to", self.to.as_deref()),
            ("interval", Some(self.interval.as_str())),
            ("tz", self.tz.as_deref()),
            ("format", self.csv.then_some("csv")),
        ];
        let asked: Vec<_> = asked.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        Ok(format!("/v1/reports/{subject}?{}", serde_urlencoded::to_string(asked)?))
    }
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let base = options.target.base(arguments)?;
    let path = options.path()?;
    if options.csv {
        return Ok(block_on(pour(&options.target, &base, &path))??);
    }
    let body = block_on(async {
        let response = options.target.fetch(&base, &path).await?;
        Ok::<Value, anyhow::Error>(response.json().await?)
    })??;
    if arguments.json {
        println!("{body}");
    } else {
        print!("{}", shown(options.subject, &body));
    }
    Ok(())
}

/// Prints an answer as it comes: a report may be long.
async fn pour(target: &Target, base: &str, path: &str) -> anyhow::Result<()> {
    let mut response = target.fetch(base, path).await?;
    let mut out = std::io::stdout().lock();
    while let Some(piece) = response.chunk().await? {
        out.write_all(&piece)?;
    }
    Ok(out.flush()?)
}

/// The rows in which something happened, and the sum of all.
fn shown(subject: Subject, body: &Value) -> String {
    let rows = body["items"].as_array().map_or(&[][..], Vec::as_slice);
    let total = &body["total"];
    match subject {
        Subject::Queues => {
            const HEAD: [&str; 11] = [
                "FROM",
                "QUEUE",
                "OFFERED",
                "ANSWERED",
                "IN TIME",
                "ABANDONED",
                "LEFT",
                "SERVICE LEVEL",
                "WAIT",
                "TALK",
                "CALLS",
            ];
            let happened = |row: &&Value| row["offered"] != 0 || row["calls"] != 0;
            let mut lines: Vec<_> = rows.iter().filter(happened).map(queue_line).collect();
            lines.push(queue_line(total));
            table(&HEAD, &lines)
        }
        Subject::Agents | Subject::Teams => {
            let name = if subject == Subject::Agents { "AGENT" } else { "TEAM" };
            let head = [
                "FROM",
                name,
                "HANDLED",
                "EACH",
                "OFFERS",
                "ACCEPTED",
                "LOGGED IN",
                "TALKING",
                "HOLDING",
                "WRAP-UP",
                "OCCUPANCY",
            ];
            let happened = |row: &&Value| {
                ["handled", "offers", "logged_in_ms"].into_iter().any(|figure| row[figure] != 0)
            };
            let mut lines: Vec<_> = rows.iter().filter(happened).map(agent_line).collect();
            lines.push(agent_line(total));
            table(&head, &lines)
        }
    }
}

fn queue_line(row: &Value) -> [String; 11] {
    let is_total = row["from"].is_null();
    let queue = if is_total { "all".to_owned() } else { text(&row["queue"]) };
    [
        from(row),
        queue,
        text(&row["offered"]),
        text(&row["answered"]),
        text(&row["answered_in_time"]),
        text(&row["abandoned"]),
        text(&row["left"]),
        percent(&row["service_level"]),
        seconds(&row["average_wait_s"]),
        seconds(&row["average_talk_s"]),
        text(&row["calls"]),
    ]
}

fn agent_line(row: &Value) -> [String; 11] {
    let name = row.get("agent").or_else(|| row.get("team"));
    let time = |figure: &str| clock(row[figure].as_u64().unwrap_or(0));
    [
        from(row),
        name.map_or_else(|| "all".to_owned(), text),
        text(&row["handled"]),
        seconds(&row["average_handled_s"]),
        text(&row["offers"]),
        text(&row["offers_accepted"]),
        time("logged_in_ms"),
        time("talking_ms"),
        time("holding_ms"),
        time("wrap_up_ms"),
        percent(&row["occupancy"]),
    ]
}

fn from(row: &Value) -> String {
    if row["from"].is_null() { "TOTAL".to_owned() } else { text(&row["from"]) }
}

/// A share in hundredths, or a dash.
pub(super) fn percent(share: &Value) -> String {
    share.as_f64().map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// Seconds, or a dash.
pub(super) fn seconds(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"))
}

/// Hours, minutes and seconds.
pub(super) fn clock(ms: u64) -> String {
    let s = ms / 1_000;
    format!("{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_without_anything_are_left_out_and_the_sum_comes_last() {
        let row = |from: &str, queue: Value, offered: u64, calls: u64| {
            json!({ "from": from, "queue": queue, "offered": offered, "calls": calls, "answered": offered,
                "answered_in_time": 1, "abandoned": 0, "left": 0, "service_level": 0.8125, "average_wait_s": 12,
                "average_talk_s": null })
        };
        let body = json!({
            "items": [row("10:00", "support".into(), 2, 2), row("10:00", "sales".into(), 0, 0), row("10:00", Value::Null, 0, 1)],
            "total": { "offered": 2, "calls": 3, "service_level": 0.8125 },
        });
        let shown = shown(Subject::Queues, &body);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 4, "{shown}");
        assert!(lines[1].starts_with("10:00  support  2") && lines[1].contains("81 %"), "{shown}");
        assert!(lines[2].starts_with("10:00  -") && lines[3].starts_with("TOTAL  all"), "{shown}");
    }

    #[test]
    fn times_are_shown_as_clocks_show_them() {
        assert_eq!(clock(0), "0:00:00");
        assert_eq!(clock(36_061_999), "10:01:01");
    }
}
