//! What is asked for and cannot be had, or not at once.

use hookswitch::{Known, Reports};
use hookswitch_acd::Engine;
use hookswitch_http::{Form, ReportRefused, ReportWish, Subject};
use hookswitch_journal::{Journal as _, Kind, MemoryJournal, Record};
use hookswitch_model::{Timestamp, input::Input};

/// Twelve agents and two queues.
fn config() -> hookswitch_config::Config {
    let pbx = "[[pbx]]\nname = \"hq\"\nkind = \"asterisk\"\naddress = \"127.0.0.1:5038\"\nusername = \"u\"\n\
        secret = \"s\"\nmode = \"observe\"\n";
    let agent = |n: u32| format!("[[agent]]\nid = \"a{n}\"\ndevices = [\"PJSIP/{n}\"]\nteams = [\"one\"]\n");
    let agents: String = (1_001..1_013).map(agent).collect();
    let queue = |id: &str| format!("[[queue]]\nid = \"{id}\"\nmembers = {{ teams = [\"one\"] }}\n");
    let text = format!("{pbx}{agents}{}{}", queue("billing"), queue("sales"));
    hookswitch_config::load_str("reports.toml", &text)
        .unwrap_or_else(|problems| panic!("{}", hookswitch_config::render(&problems)))
}

const NOW: Timestamp = Timestamp::from_millis(1_795_288_704_000);

fn asked(wish: ReportWish) -> Result<String, ReportRefused> {
    let mut engine = Engine::new(config().setup(1).into(), 1).expect("the rules compile");
    engine.handle(NOW, Input::Tick);
    let mut journal = MemoryJournal::new();
    let record = Record { kind: Kind::Input, at: NOW, meta: None, payload: "{}".into() };
    journal.append(&mut vec![record]).expect("memory has room");
    let pieces = Reports::new(journal.reader()).make(&wish, &Known::of(&engine, NOW, 1))?;
    Ok(pieces.map(|piece| String::from_utf8(piece.to_vec()).expect("text")).collect())
}

fn wish(from: &str, to: &str, interval: &str) -> ReportWish {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (from, to, interval) = (text(from), text(to), text(interval));
    ReportWish { subject: Subject::Queues, from, to, interval, tz: None, form: Form::Csv }
}

#[track_caller]
fn refused(wish: ReportWish, what: &str, hint: &str) {
    let (said, hinted) = match asked(wish) {
        Err(ReportRefused::Wrong { what, hint } | ReportRefused::TooLarge { what, hint }) => (what, hint),
        other => panic!("{other:?}"),
    };
    assert!(said.contains(what) && hinted.contains(hint), "{said} / {hinted}");
}

#[test]
fn what_cannot_be_is_named_with_what_would_do() {
    refused(wish("yesterday", "", ""), "from: \"yesterday\"", "RFC 3339");
    refused(wish("2026-11-21", "2026-11-20", ""), "does not lie before", "from=2026-10-01&to=2026-11-01");
    refused(wish("", "", "2h"), "interval: \"2h\"", "15m, 30m, 1h or 1d");
    let nowhere = ReportWish { tz: Some("Nowhere/Land".into()), ..wish("", "", "") };
    refused(nowhere, "\"Nowhere/Land\" is no time zone", "Europe/Berlin");
    refused(wish(&"9".repeat(500), "", ""), "from: \"9999", "RFC 3339");
}

#[test]
fn a_report_too_large_is_refused_before_anything_is_read() {
    refused(wish("1970-01-02", "2026-11-21", "15m"), "more than 10000 intervals", "shorter time");
    // Fewer intervals, but a row for each of twelve agents in each.
    let agents =
        ReportWish { subject: Subject::Agents { only: None }, ..wish("2026-08-10", "2026-11-21", "15m") };
    refused(agents.clone(), "100000 are the most", "longer interval");
    assert!(matches!(asked(agents), Err(ReportRefused::TooLarge { .. })));
}

#[test]
fn an_empty_journal_has_a_row_of_nothing_for_every_queue() {
    let csv = asked(wish("", "", "")).expect("a report");
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 1 + 2 + 1, "{csv}");
    assert!(lines[0].starts_with("from,to,queue,offered,answered,"));
    assert!(
        lines[1].starts_with("2026-11-21T00:00:00+00:00,2026-11-21T19:18:24+00:00,billing,0,0,"),
        "{csv}"
    );
    assert_eq!(lines[3], "", "every line has its end");
}
