//! What an agent asks for, what the phones do, and what must be told of it.

use hookswitch_tests::cast::Mode;
use hookswitch_tests::stage::{Stages, Story};

const fn story(
    name: &'static str,
    script: &'static str,
    calls: &'static [(&'static str, &'static str)],
) -> Story {
    Story { name, modes: &[Mode::Route], stages: Stages::Real, script, calls, settings: "" }
}

/// Played in the simulator, too, which knows holding but not yet consulting.
const fn everywhere(story: Story) -> Story {
    Story { stages: Stages::All, ..story }
}

/// A consultation that was answered and is merged.
const MERGED: (&str, &str) = (
    "started internal, offered B, offer_ended accepted, answered B, ended merged",
    "merged, into first, of first",
);

pub(crate) const STORIES: &[Story] = &[
    everywhere(story(
        "hold",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; A asks retrieve; see retrieved; \
         A asks hold; see held; A asks retrieve; see retrieved; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, held, retrieved, ended",
            "answered, by customer, handled A, resolved A",
        )],
    )),
    everywhere(story(
        "hold-of-a-direct-call",
        "C dials A; A rings; A answers; see answered A; A asks hold; see held; A may not hold; A asks retrieve; \
         see retrieved; A hangs up; C is cut off",
        &[(
            "started, offered A, offer_ended accepted, answered A, held, retrieved, ended",
            "answered, by agent, handled A",
        )],
    )),
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
    everywhere(story(
        "hold-customer-leaves",
        "C dials Q; A rings; A answers; see answered A; A asks hold; see held; C hangs up; A is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, ended",
            "answered, by customer, handled A",
        )],
    )),
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
         A hangs up; see transferred attended A>B; C hangs up; B is cut off",
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
];
