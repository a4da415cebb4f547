//! The manual defines every figure, and no other.

use std::{collections::BTreeSet, fs, path::Path};

use hookswitch_report::{AgentRow, Measures, QueueRow};

/// The figures that a table of the manual defines: the first cell of each row.
fn defined(manual: &str, heading: &str) -> BTreeSet<String> {
    let section =
        manual.split("\n## ").find(|section| section.starts_with(heading)).expect("the section is there");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect()
}

fn columns<R: Measures>() -> BTreeSet<String> {
    R::COLUMNS.iter().map(|column| column.name.to_owned()).collect()
}

#[test]
fn the_manual_defines_each_figure_of_a_report_and_of_the_lists() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reports.md");
    let manual = fs::read_to_string(path).expect("the manual is there");
    assert_eq!(defined(&manual, "Queues, by interval"), columns::<QueueRow>());
    assert_eq!(defined(&manual, "Agents and teams, by interval"), columns::<AgentRow>());
    let schemas: serde_json::Value = {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/edge/http/src/openapi/schemas.json");
        serde_json::from_str(&fs::read_to_string(path).expect("the shapes are there")).expect("JSON")
    };
    let members = |of: &str| -> BTreeSet<String> {
        schemas[of]["properties"]
            .as_object()
            .expect("members")
            .keys()
            .filter(|key| *key != "id")
            .cloned()
            .collect()
    };
    assert_eq!(defined(&manual, "Queues, now"), members("Queue"));
    assert_eq!(defined(&manual, "Agents, now"), members("Work"));
}
