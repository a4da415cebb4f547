//! `hookswitch calls`, `agents`, `queues`: live lists as tables.

use serde_json::Value;

use super::{
    Arguments, Outcome, block_on,
    client::Target,
    report::{clock, percent, seconds},
};

pub(super) fn calls(arguments: &Arguments, options: &Target) -> Outcome {
    const HEAD: [&str; 8] = ["CALL", "STATE", "DIRECTION", "ANI", "DNIS", "QUEUE", "AGENT", "SINCE"];
    list(arguments, options, "/v1/calls", &HEAD, |call| {
        let agents = call["legs"].as_array().map_or_else(String::new, |legs| {
            let agents =
                legs.iter().filter(|leg| leg["state"] != "left").filter_map(|leg| leg["agent"].as_str());
            agents.collect::<Vec<_>>().join(",")
        });
        [
            text(&call["id"]),
            text(&call["state"]),
            text(&call["direction"]),
            text(&call["ani"]["raw"]),
            text(&call["dnis"]["raw"]),
            text(&call["queue"]),
            if agents.is_empty() { "-".to_owned() } else { agents },
            text(&call["started_at"]),
        ]
    })
}

pub(super) fn agents(arguments: &Arguments, options: &Target) -> Outcome {
    const HEAD: [&str; 10] = [
        "AGENT",
        "NAME",
        "STATE",
        "REASON",
        "SINCE",
        "EVIDENCE",
        "QUEUES",
        "HANDLED",
        "TALKING",
        "OCCUPANCY",
    ];
    list(arguments, options, "/v1/agents", &HEAD, |agent| {
        let queues = agent["queues"].as_array().map_or_else(String::new, |queues| {
            queues.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        });
        let today = &agent["figures"]["today"];
        [
            text(&agent["id"]),
            text(&agent["name"]),
            text(&agent["state"]),
            text(&agent["reason"]),
            text(&agent["since"]),
            text(&agent["evidence"]),
            if queues.is_empty() { "-".to_owned() } else { queues },
            text(&today["handled"]),
            today["talking_ms"].as_u64().map_or_else(|| "-".to_owned(), clock),
            percent(&today["occupancy"]),
        ]
    })
}

pub(super) fn queues(arguments: &Arguments, options: &Target) -> Outcome {
    const HEAD: [&str; 13] = [
        "QUEUE",
        "WAITING",
        "LONGEST",
        "ESTIMATED",
        "LOGGED IN",
        "READY",
        "TALKING",
        "OFFERED",
        "ANSWERED",
        "ABANDONED",
        "SERVICE LEVEL",
        "WAIT",
        "TALK",
    ];
    list(arguments, options, "/v1/queues", &HEAD, |queue| {
        [
            text(&queue["id"]),
            text(&queue["waiting"]),
            seconds(&queue["longest_wait_s"]),
            seconds(&queue["estimated_wait_s"]),
            text(&queue["logged_in"]),
            text(&queue["ready"]),
            text(&queue["talking"]),
            text(&queue["offered"]),
            text(&queue["answered"]),
            text(&queue["abandoned"]),
            percent(&queue["service_level"]),
            seconds(&queue["average_wait_s"]),
            seconds(&queue["average_talk_s"]),
        ]
    })
}

fn list<const N: usize>(
    arguments: &Arguments,
    options: &Target,
    path: &str,
    head: &[&str; N],
    row: impl Fn(&Value) -> [String; N],
) -> Outcome {
    let base = options.base(arguments)?;
    let body = block_on(options.get(&base, path))??;
    if arguments.json {
        println!("{body}");
        return Ok(());
    }
    let rows: Vec<[String; N]> =
        body["items"].as_array().map_or_else(Vec::new, |items| items.iter().map(row).collect());
    print!("{}", table(head, &rows));
    Ok(())
}

/// Columns as wide as their widest cell, two spaces between.
pub(super) fn table<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> String {
    let mut widths: [usize; N] = std::array::from_fn(|column| head[column].len());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let cells: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let body: String =
        rows.iter().map(|row| line(std::array::from_fn(|column| row[column].as_str()))).collect();
    line(*head) + &body
}

/// A cell: without control characters, so that a caller's name cannot move the cursor.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().filter(|c| !c.is_control()).collect(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let rows = [["alice".to_owned(), "ready".to_owned()], ["bo".to_owned(), "-".to_owned()]];
        assert_eq!(table(&["AGENT", "STATE"], &rows), "AGENT  STATE\nalice  ready\nbo     -\n");
    }

    #[test]
    fn a_callers_name_cannot_move_the_cursor() {
        assert_eq!(text(&Value::from("a\u{1b}[2Jb")), "a[2Jb");
    }
}
