//! The JSON of explanations, as it is documented, and the text for people.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_wire::{
    model::{
        CallId, CallbackId, Millis, Skill, Timestamp,
        setup::{Rejection, RouteTarget, Strategy},
        why::{
            Because, Decided, Excluded, Exclusion, Explained, Explanation, Keeper, MoveReason, Moved,
            MovedTo, NoCallback, NotCalledBack, NotForAgent, Preferred, Ranked, Reasons, Routed, Score,
            StepExplained, Tried, Turn, Unavailable, WaitedForCustomer, WaitingFor, Why, WhyIdle,
        },
    },
    object,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// The JSON, which is read back equal.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(shown: &T, expected: &Value) {
    assert_eq!(serde_json::to_value(shown).unwrap(), *expected);
    assert_eq!(serde_json::from_value::<T>(expected.clone()).unwrap(), *shown);
}

fn skills(level: u8) -> BTreeMap<Skill, u8> {
    BTreeMap::from([(Skill::new("billing").unwrap(), level)])
}

fn routed() -> Routed {
    let tried = |rule: &str, matched, note: Option<&str>| Tried {
        rule: rule.into(),
        matched,
        note: note.map(str::to_owned),
    };
    Routed {
        rule: Some("gold".into()),
        target: Some(RouteTarget::Queue("support".parse().unwrap())),
        priority: 10,
        requires: skills(5),
        set: BTreeMap::from([("segment".to_owned(), "gold".to_owned())]),
        tried: vec![tried("night", false, Some("null compared with a number")), tried("gold", true, None)],
        prefer: Some(Preferred {
            agent: "bob".parse().unwrap(),
            wait: Millis(20_000),
            teams: vec!["tier1".parse().unwrap()],
            team_wait: Millis(10_000),
        }),
        waited: Some(WaitedForCustomer { waited: Millis(120), answered: true }),
    }
}

fn ranked() -> Ranked {
    let score = Score { idle: Millis(61_000), calls: 4, occupancy_ppm: 312_500, skill: 8 };
    Ranked { agent: "alice".parse().unwrap(), score, last_resort: false }
}

fn excluded() -> Vec<Excluded> {
    let one = |agent: &str, why| Excluded { agent: agent.parse().unwrap(), why };
    vec![
        one("bob", Exclusion::WrapUp { until: Some(Timestamp::from_millis(1_795_288_742_000)) }),
        one("dora", Exclusion::Skill { skill: Skill::new("billing").unwrap(), asked: 5, has: 2 }),
        one("erin", Exclusion::NotReady { because: Some("lunch".to_owned()) }),
    ]
}

fn excluded_json() -> Value {
    json!([
        {"agent": "bob", "reason": "wrap_up", "text": "wraps a call up", "until": "2026-11-21T19:19:02.000000Z"},
        {"agent": "dora", "reason": "skill", "text": "has billing 2, 5 is asked for"},
        {"agent": "erin", "reason": "not_ready", "text": "is not ready: lunch"},
    ])
}

fn ranked_json() -> Value {
    json!([{"agent": "alice", "score": {"idle_ms": 61_000, "calls": 4, "occupancy": 0.3125, "skill": 8},
        "last_resort": false}])
}

fn routed_json() -> Value {
    json!({
        "rule": "gold", "to": {"queue": "support"}, "priority": 10, "requires": {"billing": 5},
        "set": {"segment": "gold"},
        "prefer": {"agent": "bob", "wait_ms": 20_000, "teams": ["tier1"], "team_wait_ms": 10_000},
        "waited_for_customer": {"waited_ms": 120, "answered": true},
        "tried": [{"rule": "night", "matched": false, "note": "null compared with a number"},
            {"rule": "gold", "matched": true, "note": null}],
    })
}

#[test]
fn why_tells_each_decision_with_its_configuration() {
    let offered = Reasons {
        queue: "support".parse().unwrap(),
        strategy: Strategy::LongestIdle,
        step: 0,
        requires: Arc::new(skills(5)),
        teams: Vec::new(),
        turn: Turn { priority: 10, waited: Millis(1_500), ageing: None, attempt: 1 },
        sticky: false,
        ranked: vec![ranked()],
        excluded: excluded(),
        members: 4,
    };
    let moved = Moved {
        from: "support".parse().unwrap(),
        to: MovedTo::Target(RouteTarget::Reject(Rejection::Busy)),
        reason: MoveReason::QueueGone,
    };
    let not = NotCalledBack { queue: "support".parse().unwrap(), reason: NoCallback::Withheld };
    let decided = |at, because| Decided { at: Timestamp::from_millis(at), config_version: 7, because };
    let why = Why {
        call: CallId::from_bits(106),
        decisions: [
            decided(1_795_288_742_000, Because::Routed(routed())),
            decided(1_795_288_742_001, Because::Offered(Box::new(offered))),
            decided(1_795_288_742_002, Because::Moved(moved)),
            decided(1_795_288_742_003, Because::NotCalledBack(not)),
        ]
        .into(),
    };
    let mut first = routed_json();
    for (key, value) in [
        ("at", json!("2026-11-21T19:19:02.000000Z")),
        ("config_version", json!(7)),
        ("decision", json!("routed")),
    ] {
        first[key] = value;
    }
    let expected = json!({"call": "0000000000000000000000003A", "decisions": [
        first,
        {"at": "2026-11-21T19:19:02.001000Z", "config_version": 7, "decision": "offered", "queue": "support",
            "strategy": "longest-idle", "step": 0, "requires": {"billing": 5}, "teams": [], "priority": 10,
            "waited_ms": 1_500, "ageing_ms": null, "attempt": 1, "kept_for_agent": false, "ranked": ranked_json(),
            "excluded": excluded_json(), "members": 4},
        {"at": "2026-11-21T19:19:02.002000Z", "config_version": 7, "decision": "moved", "from": "support",
            "to": {"reject": "busy"}, "reason": "queue_gone"},
        {"at": "2026-11-21T19:19:02.003000Z", "config_version": 7, "decision": "not_called_back", "queue": "support",
            "reason": "withheld", "text": "the number is withheld"},
    ]});
    check(&object::Why::from(&why), &expected);
}

fn explained() -> Explained {
    let steps = vec![StepExplained {
        after: Millis(0),
        requires: skills(5),
        teams: vec!["tier1".parse().unwrap()],
        ranked: vec![ranked()],
        excluded: excluded(),
    }];
    let keeper =
        Keeper { agent: "bob".parse().unwrap(), wait: Millis(20_000), why: Some(Exclusion::Talking) };
    Explained {
        at: Timestamp::from_millis(1_795_288_742_000),
        config_version: 7,
        routed: routed(),
        queue: Some(Explanation {
            queue: "support".parse().unwrap(),
            strategy: Strategy::BestSkill,
            ahead: 2,
            keeper: Some(keeper),
            steps,
        }),
    }
}

#[test]
fn an_explanation_has_rules_and_agents_by_waiting_time() {
    let expected = json!({
        "at": "2026-11-21T19:19:02.000000Z", "config_version": 7, "routed": routed_json(),
        "queue": {"queue": "support", "strategy": "best-skill", "ahead": 2,
            "keeper": {"agent": "bob", "wait_ms": 20_000, "why_not": {"reason": "talking", "text": "talks"}},
            "steps": [{"after_ms": 0, "requires": {"billing": 5}, "teams": ["tier1"], "ranked": ranked_json(),
                "excluded": excluded_json()}]},
    });
    check(&object::Explained::from(&explained()), &expected);
}

#[test]
fn an_explanation_is_a_page_for_people() {
    let text = object::Explained::from(&explained()).to_string();
    let expected = "\
configuration 7, 2026-11-21T19:19:02.000000Z
  rule \"night\" does not match (null compared with a number)
  rule \"gold\" takes the call
goes to queue support, priority 10
  with segment = \"gold\"
queue support (best-skill), 2 ahead
  bob first, but talks; waits 20 s
  after 0 s: billing 5 required, of tier1
    1. alice  idle 61 s, 4 calls, 31 % occupied, skill 8
    -  bob  wraps a call up
    -  dora  has billing 2, 5 is asked for
    -  erin  is not ready: lunch
";
    assert_eq!(text, expected);
}

#[test]
fn why_idle_has_one_reason_for_each_call() {
    let why = WhyIdle {
        agent: "alice".parse().unwrap(),
        config_version: 7,
        unavailable: Some(Unavailable::NotReady { reason: Some("lunch".to_owned()) }),
        queues: vec![WaitingFor {
            queue: "support".parse().unwrap(),
            waiting: 3,
            calls: vec![
                NotForAgent {
                    call: CallId::from_bits(106),
                    why: Some(Exclusion::Sticky {
                        agent: "bob".parse().unwrap(),
                        until: Timestamp::from_millis(1_795_288_742_000),
                    }),
                    callback: None,
                },
                NotForAgent {
                    call: CallId::from_bits(107),
                    why: None,
                    callback: Some(CallbackId::from_bits(107)),
                },
            ],
        }],
    };
    let expected = json!({
        "agent": "alice", "config_version": 7,
        "unavailable": {"reason": "not_ready", "text": "is not ready: lunch"},
        "queues": [{"queue": "support", "waiting": 3, "calls": [
            {"call": "0000000000000000000000003A", "why_not": {"reason": "kept_for_other",
                "text": "the call is kept for bob", "until": "2026-11-21T19:19:02.000000Z"}},
            {"call": "0000000000000000000000003B", "why_not": null, "callback": "0000000000000000000000003B"},
        ]}],
    });
    check(&object::WhyIdle::from(&why), &expected);
}
