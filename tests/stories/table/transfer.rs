//! Transfers, conferences, parking: the call stays, who talks to the customer changes.

use hookswitch_tests::stage::Story;

use super::{BOTH, ROUTE, real, story};

pub(super) const STORIES: &[Story] = &[
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
    // Conference.
    real(story(
        "conference-by-feature-code",
        BOTH,
        "C dials Q; A rings; A answers; see answered A; A presses *2; 0.6 s pass; A presses 1002; B rings; B answers; \
         see answered B; A presses *3; see conferenced; A hangs up; see party_left agent; C hangs up; B is cut off",
        &[
            (
                "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, ?retrieved, conferenced, \
                 party_left agent, ended",
                "answered, by customer, handled A B, resolved B",
            ),
            ("started internal, offered B, offer_ended accepted, answered B, ended", ""),
        ],
    )),
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
];
