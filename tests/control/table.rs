//! What an agent asks for, what the phones do, and what must be told of it.

use hookswitch_tests::cast::Mode;
use hookswitch_tests::stage::{Stages, Story};

const fn story(
    name: &'static str,
    script: &'static str,
    calls: &'static [(&'static str, &'static str)],
) -> Story {
    Story { name, modes: &[Mode::Route], stages: Stages::All, script, calls, settings: "" }
}

/// Stories of what is otherwise where Hookswitch is the PBX: without its daemon there is no dialog, and nothing is
/// recorded.
const OF_OTHER_PBXS: [&str; 4] =
    ["hold-daemon-dies", "consult-daemon-dies", "consult-daemon-dies-while-ringing", "tones-and-recording"];

/// Whether a story is played where Hookswitch is the PBX.
pub(crate) fn is_of_sip(story: &Story) -> bool {
    !OF_OTHER_PBXS.contains(&story.name)
}

/// A consultation that was answered and is merged.
const MERGED: (&str, &str) = (
    "started internal, offered B, offer_ended accepted, answered B, ended merged",
    "merged, into first, of first",
);

pub(crate) const STORIES: &[Story] = &[
    story(
        "hold",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; A asks retrieve; see retrieved; \
         A asks hold; see held; A asks retrieve; see retrieved; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, held, retrieved, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
    story(
        "hold-of-a-direct-call",
        "C dials A; A rings; A answers; see answered A; A asks hold; see held; A may not hold; A asks retrieve; \
         see retrieved; A hangs up; C is cut off",
        &[(
            "started, offered A, offer_ended accepted, answered A, held, retrieved, ended",
            "answered, by agent, handled A",
        )],
    ),
    story(
        "hold-agent-leaves",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; A hangs up; A goes not_ready; see queued Q; B rings; \
         B answers; see answered B; C hangs up; B is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, queued Q, offered B, \
             offer_ended accepted, answered B, ended",
            "answered, by customer, handled A B, resolved B",
        )],
    ),
    story(
        "hang-up",
        "C dials Q; A rings; A answers; see answered A; A asks hangup; A is cut off; C is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, ended",
            "answered, by agent, handled A, resolved A",
        )],
    ),
    story(
        "hang-up-of-who-is-held",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; A asks hangup; A is cut off; C is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, ended",
            "answered, by agent, handled A, resolved A",
        )],
    ),
    story(
        "hold-customer-leaves",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, ended",
            "answered, by customer, handled A",
        )],
    ),
    story(
        "hold-daemon-dies",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; the daemon dies; 14 s pass; \
         the daemon returns; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
            "answered, by customer, handled A",
        )],
    ),
    story(
        "transfer-to-agent",
        "C dials Q; A rings; A answers; see answered A; A asks transfer B; A is cut off; B rings; B answers; \
         see answered B; C hangs up; B is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>B, offered B, \
             offer_ended accepted, answered B, ended",
            "answered, by customer, handled A B, resolved B",
        )],
    ),
    story(
        "transfer-to-agent-while-held",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; A asks transfer B; A is cut off; \
         B rings; B answers; see answered B; C hangs up; B is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, transferred blind A>B, offered B, \
             offer_ended accepted, answered B, ended",
            "answered, by customer, handled A B, resolved B",
        )],
    ),
    story(
        "transfer-to-queue",
        "C dials Q; A rings; A answers; see answered A; A asks transfer Q2; A is cut off; D rings; D answers; \
         see answered D; C hangs up; D is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>, queued Q2, \
             offered D, offer_ended accepted, answered D, ended",
            "answered, by customer, handled A D, resolved D",
        )],
    ),
    story(
        "transfer-to-number",
        "C dials Q; A rings; A answers; see answered A; A asks transfer F; A is cut off; F rings; F answers; \
         see answered far; C hangs up; F is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>outside, \
             answered far, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
    story(
        "transfer-to-nowhere",
        "C dials Q; A rings; A answers; see answered A; A asks transfer 4444; 1 s pass; A asks hold; see held; \
         A asks retrieve; see retrieved; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
            "answered, by customer, handled A",
        )],
    ),
    story(
        "consult-complete",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; B answers; see answered B; \
         A asks consult/complete; see transferred attended A>B; A is cut off; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, \
                 transferred attended A>B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            MERGED,
        ],
    ),
    story(
        "consult-complete-while-ringing",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; 0.3 s pass; \
         A asks consult/complete; see transferred; A is cut off; B rings; B answers; see answered B; C hangs up; \
         B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, \
                 transferred attended A>B, ?offer_ended withdrawn, ?offered B, offer_ended accepted, answered B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            ("started internal, offered B, ?offer_ended, ended merged", "merged, into first, of first"),
        ],
    ),
    story(
        "consult-cancel",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; B answers; see answered B; \
         A asks consult/cancel; see retrieved; B is cut off; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A",
            ),
            ("started internal, offered B, offer_ended accepted, answered B, ended", "answered, of first"),
        ],
    ),
    story(
        "consult-cancel-while-ringing",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; see held; A asks consult/cancel; \
         see retrieved; B stops ringing; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A",
            ),
            ("started internal, offered B, offer_ended, ended", ""),
        ],
    ),
    story(
        "consult-conference",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; B answers; see answered B; \
         A asks consult/conference; see conferenced; A hangs up; 0.5 s pass; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ?retrieved, \
                 conferenced, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            (
                "started internal, offered B, offer_ended accepted, answered B, ended merged",
                "merged, into first",
            ),
        ],
    ),
    story(
        "consult-declined",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; B declines; see ended; \
         A asks retrieve; see retrieved; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A",
            ),
            ("started internal, offered B, offer_ended declined, ended", "busy, of first"),
        ],
    ),
    story(
        "consult-target-leaves",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; B answers; see answered B; \
         B hangs up; see ended; A asks retrieve; see retrieved; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A",
            ),
            ("started internal, offered B, offer_ended accepted, answered B, ended", "answered, of first"),
        ],
    ),
    story(
        "consult-agent-leaves",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; B answers; see answered B; \
         A hangs up; see transferred attended A>B; 0.5 s pass; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, \
                 transferred attended A>B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            MERGED,
        ],
    ),
    story(
        "consult-agent-leaves-while-ringing",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; A hangs up; A goes not_ready; \
         B stops ringing; see queued Q; B rings; B answers; see answered B; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, queued Q, \
                 offered B, offer_ended accepted, answered B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            ("started internal, offered B, offer_ended, ended", ""),
        ],
    ),
    story(
        "consult-customer-leaves",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; B answers; see answered B; \
         C hangs up; see ended; B hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ended",
                "answered, by customer, handled A",
            ),
            ("started internal, offered B, offer_ended accepted, answered B, ended", "answered"),
        ],
    ),
    story(
        "consult-number",
        "C dials Q; A rings; A answers; see answered A; A asks consult F; F rings; F answers; see answered A; \
         A asks consult/complete; see transferred attended A>; A is cut off; C hangs up; F is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, \
                 transferred attended A>, ?answered far, ended",
                "answered, by customer, handled A, resolved A",
            ),
            ("started outbound, answered A, ended merged", "merged, into first"),
        ],
    ),
    story(
        "click-to-dial",
        "A asks dial F; A rings; A answers; F rings; F answers; see answered; A asks hold; see held; \
         A asks retrieve; see retrieved; F hangs up; A is cut off",
        &[(
            "started outbound, offered A, offer_ended accepted, answered A, held, retrieved, ended",
            "answered, by customer, handled A",
        )],
    ),
    story(
        "click-to-dial-far-end-busy",
        "A asks dial F; A rings; A answers; F rings; F declines; A is free",
        &[("started outbound, offered A, offer_ended accepted, ended", "busy")],
    ),
    story(
        "click-to-dial-agent-declines",
        "A asks dial F; A rings; A declines; see ended",
        &[("started outbound, offered A, offer_ended declined, ended", "failed")],
    ),
    story(
        "click-to-dial-agent-does-not-answer",
        "A asks dial F; A rings; see ended",
        &[("started outbound, offered A, offer_ended no_answer, ended", "failed")],
    ),
    story(
        "click-to-dial-two-devices",
        "E asks dial F; E1 rings; E2 answers; E1 stops ringing; F rings; F answers; see answered; F hangs up; \
         E2 is cut off",
        &[(
            "started outbound, offered E, offer_ended accepted, answered E, ended",
            "answered, by customer, handled E",
        )],
    ),
    story(
        "tones-and-recording",
        "C dials Q; A rings; A answers; see answered A; A asks dtmf 12#; 1 s pass; A asks record; see data; \
         A asks record off; see data; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, ended",
            "answered, by customer, handled A",
        )],
    ),
    story(
        "supervise",
        "C dials Q; A rings; A answers; see answered A; D asks supervise listen; D rings; D answers; \
         see party_joined supervisor; C hangs up; A is cut off; D is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, party_joined supervisor, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
    story(
        "supervise-barge",
        "C dials Q; A rings; A answers; see answered A; D asks supervise barge; D rings; D answers; \
         see party_joined supervisor; D may not supervise listen; C hangs up; A is cut off; D is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, party_joined supervisor, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
    story(
        "supervise-another-mode",
        "C dials Q; A rings; A answers; see answered A; D asks supervise listen; D rings; D answers; \
         see party_joined supervisor; D hangs up; see party_left supervisor; D asks supervise whisper; D rings; \
         D answers; see party_joined supervisor; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, party_joined supervisor, \
             party_left supervisor, party_joined supervisor, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
    story(
        "transfer-to-queue-keeps-data",
        "C dials Q; A rings; A answers; see answered A; A notes case=7; see data; A asks transfer Q2; A is cut off; \
         D rings; D answers; see answered D; D notes topic=invoice; see data; C hangs up; D is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>, queued Q2, \
             offered D, offer_ended accepted, answered D, ended",
            "answered, handled A D, data case=7, data topic=invoice",
        )],
    ),
    story(
        "transfer-to-queue-begins-at-the-end",
        "D goes not_ready; C dials Q; A rings; A answers; see answered A; C2 dials Q2; see queued Q2; 0.2 s pass; \
         A asks transfer Q2; A is cut off; see queued Q2; D goes ready; D rings; D answers; see answered D; \
         C2 hangs up; D is cut off; D rings; D answers; see answered D; C hangs up; D is cut off",
        &[
            (
                "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>, queued Q2, \
                 offered D, offer_ended accepted, answered D, ended",
                "answered, by customer, handled A D",
            ),
            ("started, queued Q2, offered D, offer_ended accepted, answered D, ended", "answered, handled D"),
        ],
    ),
    Story {
        settings: EXPRESS,
        ..story(
            "transfer-to-queue-keeps-place",
            "D goes not_ready; C dials Q; A rings; A answers; see answered A; C2 dials Q2; see queued express; \
             0.2 s pass; A asks transfer express; A is cut off; see queued express; D goes ready; D rings; D answers; \
             see answered D; C hangs up; D is cut off; D rings; D answers; see answered D; C2 hangs up; D is cut off",
            &[
                (
                    "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>, \
                     queued express, offered D, offer_ended accepted, answered D, ended",
                    "answered, by customer, handled A D",
                ),
                (
                    "started, queued express, offered D, offer_ended accepted, answered D, ended",
                    "answered, handled D",
                ),
            ],
        )
    },
    Story {
        settings: GINA,
        ..story(
            "answer-by-screen",
            "G obeys; C dials Q2; G rings; see offered G; G asks answer; see answered G; G may not answer; C hangs up; \
             G is cut off",
            &[(
                "started, queued gina, offered G, offer_ended accepted, answered G, ended",
                "answered, by customer, handled G",
            )],
        )
    },
    Story {
        settings: GINA,
        ..story(
            "answer-by-screen-a-phone-that-does-not-obey",
            "C dials Q2; G rings; see offered G; G asks answer; 0.5 s pass; G answers; see answered G; C hangs up; G is cut off",
            &[(
                "started, queued gina, offered G, offer_ended accepted, answered G, ended",
                "answered, by customer, handled G",
            )],
        )
    },
    story(
        "answer-by-screen-where-nothing-answers",
        "C dials Q; A rings; see offered A; A may not answer; A answers; see answered A; C hangs up; A is cut off",
        &[("started, queued Q, offered A, offer_ended accepted, answered A, ended", "answered, handled A")],
    ),
    story(
        "consult-daemon-dies",
        "C dials Q; A rings; A answers; see answered A; A notes case=7; see data; A asks consult B; B rings; B answers; \
         see answered B; the daemon dies; 1 s pass; the daemon returns; A asks consult/complete; \
         see transferred attended A>B; A is cut off; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, \
                 transferred attended A>B, ended",
                "answered, by customer, handled A B, resolved B, data case=7",
            ),
            MERGED,
        ],
    ),
    story(
        "consult-daemon-dies-while-ringing",
        "C dials Q; A rings; A answers; see answered A; A asks consult B; B rings; see offered B; 0.2 s pass; \
         the daemon dies; 1 s pass; the daemon returns; B answers; see answered B; A asks consult/cancel; see retrieved; \
         B is cut off; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A",
            ),
            ("started internal, offered B, offer_ended accepted, answered B, ended", "answered, of first"),
        ],
    ),
    Story {
        settings: GINA,
        ..story(
            "click-to-dial-shows-no-name",
            "G asks dial +4980012345; G rings; G answers; F rings; F sees only +4930777; F answers; see answered G; \
             F hangs up; G is cut off",
            &[(
                "started outbound, offered G, offer_ended accepted, answered G, ended",
                "answered, handled G",
            )],
        )
    },
    story(
        "click-to-dial-unregistered",
        "A unregisters; 0.5 s pass; A may not dial F; A is not rung; F is not rung",
        &[],
    ),
];

/// A queue in which who is transferred keeps the place from before, reached by the number of `Q2`.
const EXPRESS: &str = r#"[[queue]]
id = "express"
members = { agents = ["dora"] }
offer_timeout = "3s"
wrap_up = "1s"
transfer_keeps_place = true

[[route]]
name = "express"
when = 'dnis == "5013"'
queue = "express"

"#;

/// An agent whose phone can be told to answer and who shows the company's number, reached by the number of `Q2`.
const GINA: &str = r#"[[agent]]
id = "gina"
name = "Gina Rossi"
pbx = "hq"
devices = ["PJSIP/1006"]
remote_answer = true
caller_id = "+4930777"
start = "ready"

[[queue]]
id = "gina"
members = { agents = ["gina"] }
offer_timeout = "5s"
wrap_up = "1s"

[[route]]
name = "gina"
when = 'dnis == "5013"'
queue = "gina"

"#;
