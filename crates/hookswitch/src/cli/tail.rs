//! `hookswitch tail`: the live events.

use anyhow::bail;
use clap::Args;
use futures_util::StreamExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::{Arguments, Outcome, block_on, client};

/// What to follow.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hookswitch tail --types 'call.*' --agent alice\n  hookswitch --json tail --after 0 | jq .type"
)]
pub(crate) struct Options {
    #[command(flatten)]
    daemon: client::Target,

    /// Start behind this sequence; 0 is the oldest kept. Default: now
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,

    /// Only these types: exact names, `call.*`, `*`; several with commas
    #[arg(long, value_name = "TYPES")]
    types: Option<String>,

    /// Only what concerns this agent
    #[arg(long, value_name = "ID")]
    agent: Option<String>,

    /// Only what concerns this queue
    #[arg(long, value_name = "ID")]
    queue: Option<String>,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let base = options.daemon.base(arguments)?;
    block_on(follow(&base, options, arguments.json))??;
    Ok(())
}

async fn follow(base: &str, options: &Options, json: bool) -> anyhow::Result<()> {
    let after = options.after.map(|after| after.to_string());
    let parts =
        [("after", &after), ("types", &options.types), ("agent", &options.agent), ("queue", &options.queue)];
    let given: Vec<_> = parts.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
    let mut socket = options.daemon.stream(base, &given).await?;
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            if json {
                println!("{text}");
            } else {
                println!("{}", line(&serde_json::from_str(&text)?));
            }
        }
    }
    bail!("the daemon closed the stream")
}

/// One event on one line: when, what, which call, who.
fn line(event: &Value) -> String {
    let data = &event["data"];
    let call = &data["call"];
    let mut line = format!(
        "{}  {:<18}",
        event["time"].as_str().and_then(|time| time.get(11..23)).unwrap_or("------------"),
        event["type"].as_str().unwrap_or("?")
    );
    let mut add = |key: &str, value: &Value| match value {
        Value::Null => {}
        Value::String(text) => {
            line.push_str(&format!(" {key}={}", text.chars().filter(|c| !c.is_control()).collect::<String>()))
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            line.push_str(&format!(" {key}={value}"))
        }
    };
    add("call", &call["id"]);
    add("ani", &call["ani"]["raw"]);
    add("queue", if data["queue"].is_string() { &data["queue"] } else { &data["queue"]["id"] });
    add("agent", if data["agent"].is_object() { &data["agent"]["id"] } else { &data["offer"]["agent"] });
    add("state", &data["to"]);
    add("outcome", &data["offer"]["outcome"]);
    add("disposition", &data["ledger"]["disposition"]);
    add("resolved_by", &data["ledger"]["resolved_by"]);
    add("url", &data["pop"]["url"]);
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_fits_a_line() {
        let event = json!({"time": "2026-11-21T19:00:00.123456Z", "type": "call.offered",
            "data": {"call": {"id": "01", "ani": {"raw": "+49"}}, "offer": {"agent": "alice", "queue": "support"}}});
        assert_eq!(line(&event), "19:00:00.123  call.offered       call=01 ani=+49 agent=alice");
    }
}
