//! The main job, queues, and calls past them.

use hookswitch_tests::cast::Mode::Observe;
use hookswitch_tests::stage::Story;

use super::{BOTH, ROUTE, story};

pub(super) const STORIES: &[Story] = &[
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
];
