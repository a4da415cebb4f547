//! Records the courses that `tests/presets` gives to each preset: the events of the real daemon, on the simulated PBX.
//!
//! `cargo run -p hookswitch-tests --bin hookswitch-courses` writes `tests/presets/courses/*.jsonl` anew; every golden
//! file changes with them, because ids and times do. (`ring-all.jsonl` was put together from `rona.jsonl`: both offers at once.)

use std::path::Path;

use anyhow::{Context as _, Result};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::events::kind;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;

/// Who is rung together on 5033.
const RING_ALL: &str = r#"[[queue]]
id = "everybody"
strategy = "ring-all"
members = { teams = ["tier1"] }
offer_timeout = "5s"
wrap_up = "1s"

[[route]]
name = "everybody"
when = 'dnis == "5033"'
queue = "everybody"

"#;

/// Name and script of each course.
const COURSES: [(&str, &str); 15] = [
    ("queue-answered", "C dials Q; A rings; A answers; see answered A; C hangs up; see ended"),
    ("direct-missed", "C dials A; A rings; see offered A; C hangs up; A stops ringing; see ended"),
    ("queue-abandoned", "C dials Q3; see queued; C hangs up; see ended"),
    (
        "rona",
        "C dials Q; A rings; A stops ringing; B rings; B answers; see answered B; B hangs up; see ended",
    ),
    ("ring-all", "C dials 5033; A rings; B rings; B answers; see answered B; C hangs up; see ended"),
    (
        "blind-to-agent",
        "C dials Q; A rings; A answers; see answered A; A refers to B; B rings; B answers; see answered B; C hangs up; \
         see ended",
    ),
    (
        "blind-to-number",
        "C dials Q; A rings; A answers; see answered A; A refers to F; F rings; F answers; C hangs up; see ended",
    ),
    (
        "attended",
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; B answers; see answered B; A completes; \
         see transferred; C hangs up; see ended",
    ),
    ("outbound-by-phone", "A dials F; F rings; F answers; see answered; A hangs up; see ended"),
    ("outbound-by-phone-busy", "A dials F; F rings; F declines 486; see ended"),
    (
        "click-to-dial",
        "a manager dials F for A; A rings; see started outbound; A answers; F rings; F answers; see answered; \
         F hangs up; see ended",
    ),
    ("withheld", "C dials A withheld; A rings; A answers; see answered A; C hangs up; see ended"),
    (
        "diverted",
        "C dials A diverted-by 0800111222; A rings; A answers; see answered A; C hangs up; see ended",
    ),
    ("direct-busy", "C dials A; A rings; A declines 486; C is refused; see ended"),
    ("direct-rejected", "C dials A; A rings; A declines 603; C is refused; see ended"),
];

#[tokio::main]
async fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets/courses");
    for (name, script) in COURSES {
        let mut stage = Stage::set(Place::Simulator, Mode::Route, RING_ALL).await?;
        stage.play_script(script).await.with_context(|| name.to_owned())?;
        let told = stage.events();
        let calls = told.iter().filter(|event| kind(event).starts_with("call."));
        let lines: Vec<String> = calls.map(|event| format!("{event}\n")).collect();
        std::fs::write(folder.join(format!("{name}.jsonl")), lines.concat())?;
    }
    Ok(())
}
