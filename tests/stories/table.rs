//! The table. Names are those of the design's table of stories; who is who stands in `hookswitch_tests::cast`.

use hookswitch_tests::cast::Mode::{self, Observe, Route};
use hookswitch_tests::stage::Story;

const BOTH: &[Mode] = &[Route, Observe];
const ROUTE: &[Mode] = &[Route];

const fn story(
    name: &'static str,
    modes: &'static [Mode],
    script: &'static str,
    calls: &'static [(&'static str, &'static str)],
) -> Story {
    Story { name, modes, script, calls, settings: "" }
}

/// All stories.
pub(crate) const STORIES: &[Story] = &[
    // The main job, in one call.
    story(
        "main-job",
        ROUTE,
        "C dials Q; A rings; see queued Q; see offered A; A declines 603; B rings; see offered B; B answers; \
         see answered B; B holds; see held; B retrieves; see retrieved; B refers to D; D rings; D answers; \
         see answered D; C hangs up; D is cut off",
        &[(
            "started inbound, queued Q, offered A #1, pop A, offer_ended declined, offered B #2, pop B, \
             offer_ended accepted, answered B, held, retrieved, transferred blind B>D, offered D, \
             offer_ended accepted, answered D, ended",
            "answered, by customer, handled B D, resolved D, segments Q B D, shown, ani +49305550001",
        )],
    ),
    // One caller, one agent's phone.
    story(
        "direct-answered",
        BOTH,
        "C dials A; A rings; A answers; see answered A; C hangs up; A is cut off",
        &[(
            "started inbound, offered A, offer_ended accepted, answered A, ended",
            "answered, by customer, handled A, resolved A, segments A",
        )],
    ),
    story(
        "direct-missed",
        BOTH,
        "C dials A; A rings; see offered A; C hangs up; A stops ringing",
        &[(
            "started inbound, offered A, offer_ended caller_left, ended",
            "missed, by customer, handled, resolved",
        )],
    ),
    story(
        "direct-busy",
        BOTH,
        "C dials A; A rings; A declines 486; C is refused",
        &[(
            "started inbound, ?offered A, ?offer_ended declined, ended",
            "busy, by system, handled, resolved",
        )],
    ),
    story(
        "direct-rejected",
        BOTH,
        "C dials A; A rings; A declines 603; C is refused",
        &[(
            "started inbound, ?offered A, ?offer_ended declined, ended",
            "rejected, by system, handled, resolved",
        )],
    ),
    story(
        "direct-unreachable",
        BOTH,
        "A unregisters; C dials A; C is refused",
        &[(
            "started inbound, ?offered A, ?offer_ended unreachable, ended",
            "missed, by system, handled, resolved",
        )],
    ),
    story(
        "direct-unknown-number",
        BOTH,
        "C dials nowhere; C is refused",
        &[("started inbound, ended", "failed, by system, handled, resolved")],
    ),
    // A queue.
    story(
        "queue-answered",
        BOTH,
        "C dials Q; A rings; see offered A; A answers; see answered A; A hangs up; C is cut off",
        &[(
            "started inbound, queued Q, offered A #1, pop A, offer_ended accepted, answered A, ended",
            "answered, by agent, handled A, resolved A, segments Q A",
        )],
    ),
    story(
        "queue-abandoned",
        BOTH,
        "A unregisters; B unregisters; C dials Q; see queued Q; 0.5 s pass; C hangs up",
        &[(
            "started inbound, queued Q, ended",
            "abandoned, by customer, handled, resolved, segments Q, waited 500",
        )],
    ),
    story(
        "abandoned-while-ringing",
        BOTH,
        "C dials Q; A rings; see offered A; C hangs up; A stops ringing; see agent A ready",
        &[(
            "started inbound, queued Q, offered A, offer_ended caller_left, ended",
            "abandoned, by customer, handled, resolved, segments Q",
        )],
    ),
    story(
        "rona",
        ROUTE,
        "C dials Q; A rings; A stops ringing; B rings; see offered B #2; B answers; see answered B; C hangs up",
        &[(
            "started, queued Q, offered A #1, offer_ended no_answer, agent A not_ready(no_answer), offered B #2, \
             offer_ended accepted, answered B, ended",
            "answered, by customer, handled B, resolved B, segments Q B",
        )],
    ),
    story(
        "rona-by-the-pbx",
        &[Observe],
        "C dials Q; A rings; A stops ringing; B rings; B answers; see answered B; C hangs up",
        &[(
            "started, queued Q, offered A, offer_ended no_answer, offered B, offer_ended accepted, answered B, ended",
            "answered, by customer, handled B, resolved B, segments Q B",
        )],
    ),
    story(
        "decline",
        BOTH,
        "C dials Q; A rings; A declines 486; B rings; B answers; see answered B; B hangs up; C is cut off",
        &[(
            "started, queued Q, offered A, offer_ended declined, offered B, offer_ended accepted, answered B, ended",
            "answered, by agent, handled B, resolved B",
        )],
    ),
    story(
        "unreachable",
        BOTH,
        "A unregisters; C dials Q; B rings; B answers; see answered B; C hangs up",
        &[(
            "started, queued Q, ?offered A, ?offer_ended unreachable, offered B, offer_ended accepted, answered B, ended",
            "answered, by customer, handled B, resolved B",
        )],
    ),
    story(
        "not-ready-during-offer",
        ROUTE,
        "C dials Q; A rings; see offered A; A goes not_ready lunch; A stops ringing; B rings; B answers; \
         see answered B; C hangs up",
        &[(
            "started, queued Q, offered A #1, offer_ended withdrawn, offered B, offer_ended accepted, answered B, ended",
            "answered, by customer, handled B, resolved B",
        )],
    ),
    story(
        "skill-decides",
        ROUTE,
        "C dials Q2; D rings; D answers; see answered D; D hangs up; C is cut off",
        &[(
            "started, queued Q2, offered D, offer_ended accepted, answered D, ended",
            "answered, by agent, handled D, resolved D, segments Q2 D",
        )],
    ),
    // Several phones.
    story(
        "two-devices",
        BOTH,
        "C dials E; E1 rings; E2 rings; E2 answers; see answered E; E1 stops ringing; C hangs up",
        &[(
            "started, offered E, offer_ended accepted, answered E, ended",
            "answered, by customer, handled E, resolved E, segments E",
        )],
    ),
    story(
        "picked-up",
        BOTH,
        "C dials A; A rings; see offered A; B dials *71001; A stops ringing; see answered B; C hangs up",
        &[
            (
                "started inbound, offered A, offer_ended withdrawn, answered B, ended",
                "answered, by customer, handled B, resolved B, segments B",
            ),
            // What B dialled became part of it.
            ("started internal, ended merged", "merged"),
        ],
    ),
    // Hold.
    story(
        "hold",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A holds; see held; 0.4 s pass; A retrieves; see retrieved; \
         A holds; see held; 0.3 s pass; C hangs up",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, held, ended",
            "answered, by customer, handled A, resolved A, hold 700",
        )],
    ),
    // Blind transfers.
    story(
        "blind-to-agent",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A refers to B; B rings; B answers; see answered B; C hangs up; \
         B is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>B, offered B, \
             offer_ended accepted, answered B, ended",
            "answered, by customer, handled A B, resolved B, segments Q A B",
        )],
    ),
    story(
        "blind-to-agent-of-a-direct-call",
        BOTH,
        "C dials A; A rings; A answers; see answered A; A refers to B; B rings; B answers; see answered B; B hangs up; \
         C is cut off",
        &[(
            "started, offered A, offer_ended accepted, answered A, transferred blind A>B, offered B, \
             offer_ended accepted, answered B, ended",
            "answered, by agent, handled A B, resolved B, segments A B",
        )],
    ),
    story(
        "blind-by-feature-code",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A presses ##; 0.6 s pass; A presses 1002; B rings; B answers; \
         see answered B; C hangs up",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, ?held, transferred blind A>B, offered B, \
             offer_ended accepted, answered B, ended",
            "answered, by customer, handled A B, resolved B",
        )],
    ),
    story(
        "blind-to-number",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A refers to F; F rings; F answers; see answered far; C hangs up; \
         F is cut off",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>outside, answered far, ended",
            "answered, by customer, handled A, resolved A",
        )],
    ),
    story(
        "blind-to-queue",
        ROUTE,
        "C dials Q; A rings; A answers; see answered A; A refers to Q2; D rings; see queued Q2; D answers; \
         see answered D; C hangs up",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>, queued Q2, offered D, \
             offer_ended accepted, answered D, ended",
            "answered, by customer, handled A D, resolved D, segments Q A Q2 D",
        )],
    ),
    story(
        "blind-by-a-manager",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; a manager transfers A to B; B rings; B answers; see answered B; \
         C hangs up",
        &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>B, offered B, \
             offer_ended accepted, answered B, ended",
            "answered, by customer, handled A B, resolved B",
        )],
    ),
    story(
        "blind-to-nowhere",
        BOTH,
        "C dials A; A rings; A answers; see answered A; a manager transfers A to nowhere; C is cut off",
        &[(
            "started, offered A, offer_ended accepted, answered A, transferred blind A>4444, ended",
            "failed, by system, handled A, resolved A",
        )],
    ),
    // Attended transfers.
    story(
        "attended",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; B answers; see answered B; A completes; \
         see transferred attended A>B; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ?retrieved, \
                 transferred attended A>B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            (
                "started internal, offered B, offer_ended accepted, answered B, ended merged",
                "merged, into first, of first",
            ),
        ],
    ),
    story(
        "attended-by-feature-code",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A presses *2; 0.6 s pass; A presses 1002; B rings; B answers; \
         see answered B; A hangs up; see transferred attended A>B; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ?retrieved, \
                 transferred attended A>B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            (
                "started internal, offered B, offer_ended accepted, answered B, ended merged",
                "merged, into first, of first",
            ),
        ],
    ),
    story(
        "attended-by-a-manager",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; a manager lets A consult B; B rings; B answers; see answered B; \
         A hangs up; see transferred attended A>B; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ?retrieved, \
                 transferred attended A>B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            (
                "started internal, offered B, offer_ended accepted, answered B, ended merged",
                "merged, into first, of first",
            ),
        ],
    ),
    story(
        "attended-cancel",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; B answers; see answered B; A hangs up; \
         A retrieves; see retrieved; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A, resolved A",
            ),
            ("started internal, offered B, offer_ended accepted, answered B, ended", "answered"),
        ],
    ),
    story(
        "attended-refused",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; B declines 486; A retrieves; \
         see retrieved; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A, resolved A",
            ),
            ("started internal, ?offered B, ?offer_ended declined, ended", "busy"),
        ],
    ),
    story(
        "attended-no-answer",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; see offered B; A hangs up; \
         B stops ringing; A retrieves; see retrieved; C hangs up; A is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
                "answered, by customer, handled A, resolved A",
            ),
            ("started internal, offered B, offer_ended caller_left, ended", "missed"),
        ],
    ),
    story(
        "attended-c-leaves",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; B answers; see answered B; C hangs up; \
         see ended; A hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ended",
                "answered, by customer, handled A, resolved A",
            ),
            ("started internal, offered B, offer_ended accepted, answered B, ended", "answered"),
        ],
    ),
    story(
        "attended-blonde",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; see offered B; A completes; \
         see transferred attended A>B; B answers; see answered B; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ?retrieved, \
                 transferred attended A>B, ?offered B, ?offer_ended accepted, answered B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            (
                "started internal, offered B, ?offer_ended accepted, ?offer_ended withdrawn, ended merged",
                "merged",
            ),
        ],
    ),
    story(
        "chain",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; B answers; see answered B; A completes; \
         see transferred attended A>B; B consults D; D rings; D answers; see answered D; B completes; \
         see transferred attended B>D; C hangs up; D is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ?retrieved, \
                 transferred attended A>B, held, ?retrieved, transferred attended B>D, ended",
                "answered, by customer, handled A B D, resolved D",
            ),
            (
                "started internal, offered B, offer_ended accepted, answered B, ended merged",
                "merged, into first, of first",
            ),
            (
                "started internal, offered D, offer_ended accepted, answered D, ended merged",
                "merged, into first, of first",
            ),
        ],
    ),
    // Parking, voicemail.
    story(
        "park",
        BOTH,
        "C dials A; A rings; A answers; see answered A; A refers to park; A is free; B dials 701; see answered B; \
         C hangs up; B is cut off",
        &[
            (
                "started inbound, offered A, offer_ended accepted, answered A, ?held, ?transferred park A>B, ?retrieved, \
             answered B, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            ("started internal, ended merged", "merged"),
        ],
    ),
    story(
        "voicemail",
        BOTH,
        "C dials voicemail; A rings; A stops ringing; 0.5 s pass; C hangs up",
        &[(
            "started inbound, offered A, offer_ended no_answer, ended",
            "missed, by customer, handled, resolved",
        )],
    ),
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
    story(
        "overflow",
        ROUTE,
        "C dials Q3; see queued Q3; see queued Q2; D rings; D answers; see answered D; C hangs up",
        &[(
            "started inbound, queued Q3, queued Q2, offered D, offer_ended accepted, answered D, ended",
            "answered, by customer, handled D, resolved D, segments Q3 Q2 D",
        )],
    ),
    // Races and failures.
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
