//! Routes that a CRM calls by names of its own, as the dialects of real ones have them.

use hookswitch_config::{Alias, AliasAction, AliasReply};
use hookswitch_wire::model::command::{Refusal, Request, Verb};
use serde_json::json;

use crate::world::{ALICES, World, agent};

fn alias(path: &str, methods: &[&str], action: AliasAction) -> Alias {
    Alias {
        key: String::new(),
        path: path.into(),
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        action,
        to: None,
        agent: None,
        secret: None,
        call: None,
        reply: AliasReply::default(),
    }
}

async fn world() -> World {
    let world = World::new().await;
    let mut access = crate::world::access();
    let named = |name: &str| Some(name.to_owned());
    access.aliases = vec![
        Alias { to: named("n_tel"), ..alias("/click", &["GET"], AliasAction::Dial) },
        Alias {
            to: named("to"),
            agent: named("from"),
            secret: named("secret"),
            reply: AliasReply {
                content_type: "text/plain".into(),
                ok: "Success".into(),
                error: "Error".into(),
            },
            ..alias("/makecall", &["GET", "POST"], AliasAction::Dial)
        },
        Alias {
            to: named("number"),
            reply: AliasReply {
                content_type: "application/json".into(),
                ok: "{\"status\":\"success\",\"call\":\"{{ call }}\"}".into(),
                error: "{\"status\":\"error\",\"why\":\"{{ error }}\"}".into(),
            },
            ..alias("/v2/request/callback", &["POST"], AliasAction::Dial)
        },
        Alias { call: named("id"), ..alias("/phone/hold", &["POST"], AliasAction::Hold) },
        Alias { to: named("to"), ..alias("/phone/transfer", &["POST"], AliasAction::Transfer) },
    ];
    world.access.send_replace(access.into());
    world
}

fn dialled(world: &World) -> (String, String) {
    let Request::Dial { agent, to, .. } = world.last_command().request else { panic!("another command") };
    (agent.to_string(), to.text)
}

#[tokio::test]
async fn a_page_that_can_send_no_header_dials_with_a_token_in_the_address() {
    let world = world().await;
    let mut access = (**world.access.borrow()).clone();
    let alice = access.tokens.iter_mut().find(|token| &*token.name == "alice").unwrap();
    alice.in_url = true;
    world.access.send_replace(access.into());
    let click = world.get("/click?n_tel=33155512345&access_token=alice-secret");
    let answer = click.clone().header("Origin", "https://crm.example.com").send().await;
    assert_eq!((answer.status, answer.text()), (200, "OK"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://crm.example.com"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(dialled(&world), ("alice".into(), "33155512345".into()));
    // A double click.
    assert_eq!(click.status().await, 200);
    assert_eq!(world.commands(), 1);
    // The browser would keep only the answer from a strange page, not the call from being made.
    let other = world.get("/click?n_tel=33155500000&access_token=alice-secret");
    other.clone().header("Origin", "https://evil.example").send().await.problem(403, "origin");
    assert_eq!(world.commands(), 1);
    // It may dial, nothing else.
    let hold = world.ask("POST", "/phone/hold?access_token=alice-secret").send().await;
    assert_eq!((hold.status, hold.text()), (403, "Error"));
    assert_eq!(world.commands(), 1);
}

#[tokio::test]
async fn a_shared_secret_in_a_form_and_an_extension_name_token_and_agent() {
    let world = world().await;
    let form = |text: &str| {
        let ask = world.ask("POST", "/makecall?event=OutgoingCall&context=from-internal");
        ask.header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8").body(text)
    };
    let answer = form("secret=crm-secret&from=1002&to=%2B49305550001").send().await;
    assert_eq!((answer.status, answer.text()), (200, "Success"));
    assert_eq!(dialled(&world), ("bob".into(), "+49305550001".into()));

    for (text, status) in [
        ("secret=wrong&from=1002&to=1", 401),
        ("from=1002&to=1", 401),
        ("secret=crm-secret&to=1", 422),
        ("secret=crm-secret&from=9999&to=1", 404),
        ("secret=crm-secret&from=1002", 422),
        ("secret=crm-secret&from=1001&from=1002&to=1", 422),
        ("secret=bob-secret&from=1001&to=1", 403),
        ("secret=crm-secret&from=1002&to=1%0d%0aAction%3a+Originate", 422),
    ] {
        let answer = form(text).send().await;
        assert_eq!((answer.status, answer.text()), (status, "Error"), "{text}");
    }
    // In the address only a token that is made for it.
    assert_eq!(world.get("/makecall?secret=crm-secret&from=1002&to=1").status().await, 401);
    assert_eq!(world.get("/makecall?secret=url-secret&from=1002&to=2").status().await, 200);
    assert_eq!(world.commands(), 2);
}

#[tokio::test]
async fn a_json_body_is_answered_in_json_and_a_reason_stays_text() {
    let world = world().await;
    *world.daemon.begun.lock().unwrap() = Some(ALICES);
    let ask = || world.ask("POST", "/v2/request/callback").token("alice");
    let answer = ask().json(&json!({ "number": "1002", "sip": "101", "predicted": {} })).send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.json(), json!({ "status": "success", "call": ALICES.to_string() }));

    let why = "\"},<script>\r\n{{ call }}";
    *world.daemon.refusal.lock().unwrap() = Some(Refusal::NotNow { why: why.into(), allowed: Vec::new() });
    let answer = ask().json(&json!({ "number": "1003" })).send().await;
    assert_eq!((answer.status, &answer.json()["why"]), (409, &json!(why)));
    assert!(!answer.text().contains('<'), "{}", answer.text());
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn a_verb_means_the_call_that_is_named_or_the_only_one() {
    let world = world().await;
    let hold = |token: &str, query: &str| world.ask("POST", &format!("/phone/hold{query}")).token(token);
    assert_eq!(hold("alice", "").status().await, 200);
    let request = world.last_command().request;
    assert_eq!(request, Request::Control { call: ALICES, agent: agent("alice"), verb: Verb::Hold });
    assert_eq!(hold("bob", "").status().await, 409, "bob has two");
    assert_eq!(hold("bob", "?id=nonsense").status().await, 404);
    assert_eq!(hold("bob", &format!("?id={}", crate::world::BOBS)).status().await, 200);
    // Whatever the daemon says of a call that is not bob's, it is unknown to bob.
    *world.daemon.refusal.lock().unwrap() = Some(Refusal::NotNow { why: "held".into(), allowed: Vec::new() });
    assert_eq!(hold("bob", &format!("?id={ALICES}")).status().await, 404);
}

#[tokio::test]
async fn an_alias_takes_its_methods_only_and_is_gone_with_the_configuration() {
    let world = world().await;
    world.ask("DELETE", "/click").token("alice").send().await.problem(405, "method");
    world.get("/clicks").token("alice").send().await.problem(404, "unknown");
    world.access.send_replace(crate::world::access().into());
    world.get("/click?n_tel=1002").token("alice").send().await.problem(404, "unknown");
    assert_eq!(world.commands(), 0);
}
