//! Calls out and inside, who calls and why, routing, trouble.

use hookswitch_tests::stage::{Stages, Story};

use super::{BOTH, ROUTE, story, with};

pub(super) const STORIES: &[Story] = &[
    // Outbound and internal.
    story(
        "click-to-dial",
        BOTH,
        "a manager dials F for A; A rings; see started outbound; A answers; F rings; F answers; see answered; F hangs up; \
         A is cut off",
        &[(
            "started outbound, offered A, offer_ended accepted, answered, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
    story(
        "click-to-dial-busy",
        BOTH,
        "a manager dials F for A; A rings; A answers; F rings; F declines 486; A is cut off",
        &[("started outbound, offered A, offer_ended accepted, ended", "busy, by system, handled, resolved")],
    ),
    story(
        "click-to-dial-agent-never-picks-up",
        BOTH,
        "a manager dials F for A; A rings; A stops ringing",
        &[(
            "started outbound, offered A, offer_ended no_answer, ended",
            "failed, by system, handled, resolved",
        )],
    ),
    story(
        "outbound-by-phone",
        BOTH,
        "A dials F; F rings; F answers; see answered; A hangs up; F is cut off",
        &[("started outbound, answered, ended", "answered, by agent, handled A, resolved A")],
    ),
    story(
        "outbound-by-phone-busy",
        BOTH,
        "A dials F; F rings; F declines 486; A is refused",
        &[("started outbound, ended", "busy, by system, handled, resolved")],
    ),
    story(
        "internal",
        BOTH,
        "A dials B; B rings; B answers; see answered B; B hangs up; A is cut off",
        &[("started internal, offered B, offer_ended accepted, answered B, ended", "answered")],
    ),
    // Who calls, and why.
    story(
        "withheld",
        BOTH,
        "C dials A withheld; A rings; A answers; see answered A; C hangs up",
        &[(
            "started inbound, offered A, offer_ended accepted, answered A, ended",
            "answered, by customer, handled A, withheld, ani +49305550001",
        )],
    ),
    story(
        "diverted",
        BOTH,
        "C dials A diverted-by 0800111222; A rings; A answers; see answered A; C hangs up",
        &[(
            "started inbound, offered A, offer_ended accepted, answered A, ended",
            "answered, by customer, handled A, shown, via 0800111222, ani +49305550001",
        )],
    ),
    story(
        "ivr",
        ROUTE,
        "C dials ivr; 0.3 s pass; C presses 2; D rings; D answers; see answered D; C hangs up",
        &[(
            "started inbound, data, queued Q2, offered D, offer_ended accepted, answered D, ended",
            "answered, by customer, handled D, resolved D, data choice=2",
        )],
    ),
    with(
        r#"[menu.main]
prompt = "beep"
timeout = "3s"
choices = { "1" = "help", "2" = "bills" }

[[route]]
name = "main menu"
when = 'dnis == "5023"'
menu = "main"

[[route]]
name = "bills"
when = 'data["ivr.main"] == "bills"'
queue = "billing"

"#,
        story(
            "ivr-by-menu",
            ROUTE,
            "C dials Q3; see data; 0.5 s pass; C presses 2; see queued Q2; D rings; D answers; see answered D; C hangs up",
            &[(
                "started inbound, data, data, queued Q2, offered D, offer_ended accepted, answered D, ended",
                "answered, by customer, handled D, resolved D, segments Q2 D, data ivr.main=bills",
            )],
        ),
    ),
    story(
        "overflow",
        ROUTE,
        "C dials Q3; see queued Q3; see queued Q2; D rings; D answers; see answered D; C hangs up",
        &[(
            "started inbound, queued Q3, queued Q2, offered D, offer_ended accepted, answered D, ended",
            "answered, by customer, handled D, resolved D, segments Q3 Q2 D",
        )],
    ),
    with(
        r#"[[queue]]
id = "patient"
members = { agents = ["erin"] }
requires = [{ skills = { patience = 1 } }]
max_wait = { after = "1s", then = { transfer = "+493012345" } }

[[route]]
name = "patient"
when = 'dnis == "5023"'
queue = "patient"

"#,
        story(
            "overflow-to-a-number",
            ROUTE,
            "C dials Q3; see queued patient; F rings; F answers; see answered far; C hangs up; F is cut off",
            &[(
                "started inbound, queued patient, transferred, answered far, ended",
                "answered, by customer, handled, resolved, waited 1000",
            )],
        ),
    ),
    with(
        r#"[[queue]]
id = "impatient"
members = { agents = ["erin"] }
requires = [{ skills = { patience = 1 } }]
max_wait = { after = "1s", then = { hangup = true } }

[[route]]
name = "impatient"
when = 'dnis == "5023"'
queue = "impatient"

"#,
        story(
            "overflow-by-hang-up",
            ROUTE,
            "C dials Q3; see queued impatient; C is cut off",
            &[(
                "started inbound, queued impatient, ended",
                "abandoned, by system, handled, resolved, waited 1000, segments impatient",
            )],
        ),
    ),
    with(
        PROMISE,
        story(
            "callback",
            ROUTE,
            "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; C dials Q3; \
             see queued promise; 0.3 s pass; C presses 1; see callback created; C is cut off; see ended callback; \
             A goes ready; see callback dialled; A rings; A answers; C rings; C answers; see answered A; C hangs up; \
             A is cut off; see callback ended completed",
            &CALLED_BACK,
        ),
    ),
    with(
        PROMISE,
        story(
            "overflow-to-a-callback",
            ROUTE,
            "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; C dials Q3; \
             see queued promise; see callback created; C is cut off; see ended callback; A goes ready; \
             see callback dialled; A rings; A answers; C rings; C answers; see answered A; C hangs up; A is cut off; \
             see callback ended completed",
            &CALLED_BACK,
        ),
    ),
    story(
        "sticky",
        ROUTE,
        "A goes not_ready lunch; C dials Q; B rings; B answers; see answered B; B hangs up; C is cut off; \
         see agent B ready; A goes ready; see agent A ready; C dials Q; B rings; B answers; see answered B; C hangs up",
        &[
            (
                "started inbound, queued Q, offered B, offer_ended accepted, answered B, ended",
                "answered, handled B",
            ),
            (
                "started inbound, queued Q, offered B #1, offer_ended accepted, answered B, ended",
                "answered, handled B",
            ),
        ],
    ),
    story(
        "logged-out-agent-is-not-rung",
        ROUTE,
        "A dials *51; see agent A logged_out; C dials Q; B rings; B answers; see answered B; C hangs up; \
         A dials *50; see agent A ready",
        &[(
            "started inbound, queued Q, offered B, offer_ended accepted, answered B, ended",
            "answered, handled B",
        )],
    ),
    // Races and failures.
    Story {
        name: "vanished",
        modes: BOTH,
        stages: Stages::Simulated,
        script: "C dials A; A rings; A answers; see answered A; C vanishes; in the end see ended",
        calls: &[("started inbound, offered A, offer_ended accepted, answered A, ended", "lost, handled A")],
        settings: "",
    },
    story(
        "crossing",
        BOTH,
        "C dials A; A rings; see offered A; A answers as C hangs up; see ended",
        &[(
            "started inbound, offered A, ?offer_ended accepted, ?answered A, ?offer_ended caller_left, ended",
            "",
        )],
    ),
    story(
        "wrap-up",
        ROUTE,
        "C dials Q; A rings; A answers; see agent A talking; A hangs up; see agent A wrap_up; see agent A ready",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, ended",
            "answered, by agent, handled A, resolved A",
        )],
    ),
    story(
        "link-lost",
        BOTH,
        "B unregisters; C dials A; A rings; A answers; see answered A; C2 dials Q; see queued Q; the wire is cut; \
         C hangs up; A is cut off; the wire is mended; see ended; C2 hangs up",
        &[
            (
                "started inbound, offered A, offer_ended accepted, answered A, ended",
                "answered, handled A, resolved A",
            ),
            ("started inbound, queued Q, ?offered A, ?offer_ended caller_left, ended", "abandoned"),
        ],
    ),
    story(
        "pbx-restarts",
        BOTH,
        "C dials A; A rings; A answers; see answered A; the PBX restarts; see ended",
        &[("started inbound, offered A, offer_ended accepted, answered A, ended", "")],
    ),
    story(
        "daemon-dies",
        BOTH,
        "C dials A; A rings; A answers; see answered A; the daemon dies; the daemon returns; C hangs up; see ended",
        &[(
            "started inbound, offered A, offer_ended accepted, answered A, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
];

/// A queue that calls back: by key, and whoever waited for two seconds.
const PROMISE: &str = r#"[[queue]]
id = "promise"
members = { teams = ["tier1"] }
offer_timeout = "3s"
max_wait = { after = "2s", then = { callback = true } }
callback = { key = "1" }

[[route]]
name = "promise"
when = 'dnis == "5023"'
queue = "promise"

"#;

/// The caller's call, and the one by which the caller was called back.
const CALLED_BACK: [(&str, &str); 2] = [
    (
        "started inbound, queued promise, callback created, ended",
        "callback, by system, handled, resolved, segments promise",
    ),
    (
        "callback dialled, started outbound, offered A #1, offer_ended accepted, answered A, ended, \
         callback ended completed",
        "answered, by customer, handled A, resolved A, back first",
    ),
];
