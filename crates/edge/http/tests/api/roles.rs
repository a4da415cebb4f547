//! Each route and each role.

use serde_json::{Value, json};

use crate::world::{ALICES, BOBS, TOKENS, World, agent};
use hookswitch_wire::model::{agent::AgentState, command::Request};

/// What a route answers: without a token, then to each of [`TOKENS`].
type Row = (&'static str, String, Option<Value>, [u16; 7]);

/// Every verb, on alice's call. An agent's token means its own leg, every other names it; the daemon refuses.
fn control() -> Vec<Row> {
    let own = [401, 202, 202, 422, 422, 422, 403];
    let named = [401, 202, 403, 202, 202, 202, 403];
    let bodies = [
        ("answer", json!({})),
        ("hangup", json!({})),
        ("hold", json!({})),
        ("retrieve", json!({})),
        ("dtmf", json!({ "digits": "12#" })),
        ("transfer", json!({ "to": "support" })),
        ("consult", json!({ "to": "bob" })),
        ("consult/complete", json!({})),
        ("consult/cancel", json!({})),
        ("consult/conference", json!({})),
        ("record", json!({ "on": true })),
        ("wrap-up", json!({ "disposition": "sold" })),
    ];
    let rows = bodies.into_iter().flat_map(|(verb, body)| {
        let mut naming = body.clone();
        naming["agent"] = "alice".into();
        let path = format!("/v1/calls/{ALICES}/{verb}");
        [("POST", path.clone(), Some(body), own), ("POST", path, Some(naming), named)]
    });
    rows.collect()
}

fn table() -> Vec<Row> {
    let mut rows = control();
    rows.extend(others());
    rows.extend(customers_and_configuration());
    rows.extend(callbacks());
    rows
}

fn callbacks() -> Vec<Row> {
    let row = |method, path: &str, body, statuses| (method, path.to_owned(), body, statuses);
    let wish = || Some(json!({ "queue": "support", "number": "+49305550001" }));
    let (known, unknown) = ("00000000000000000000000001", "00000000000000000000000002");
    vec![
        //                                                                none alice bob  crm  lead admin homeless
        row("GET", "/v1/callbacks?state=waiting", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/callbacks?state=lost", None, [401, 403, 403, 400, 400, 400, 403]),
        row("POST", "/v1/callbacks", wish(), [401, 403, 403, 202, 202, 202, 403]),
        row("GET", &format!("/v1/callbacks/{known}"), None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", &format!("/v1/callbacks/{unknown}"), None, [401, 403, 403, 404, 404, 404, 403]),
        row("DELETE", &format!("/v1/callbacks/{known}"), None, [401, 403, 403, 202, 202, 202, 403]),
        row("POST", &format!("/v1/calls/{ALICES}/callback"), None, [401, 403, 403, 202, 202, 202, 403]),
    ]
}

fn customers_and_configuration() -> Vec<Row> {
    let row = |method, path: &str, body, statuses| (method, path.to_owned(), body, statuses);
    let call = || Some(json!({ "dnis": "5003" }));
    let toml = || Some(json!({ "config": "[server]" }));
    vec![
        //                                                                none alice bob  crm  lead admin homeless
        row("GET", "/v1/contacts", None, [401, 200, 200, 200, 200, 200, 403]),
        row("PUT", "/v1/contacts", None, [401, 403, 403, 415, 415, 415, 403]),
        row("GET", "/v1/contacts/7", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/contacts/8", None, [401, 404, 404, 404, 404, 404, 403]),
        row("PUT", "/v1/contacts/8", Some(json!({ "name": "x" })), [401, 403, 403, 201, 201, 201, 403]),
        row("DELETE", "/v1/contacts/7", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/lookup?number=1", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/cnam?number=1", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/tokens", None, [401, 403, 403, 403, 403, 200, 403]),
        row("POST", "/v1/explain", call(), [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/config", None, [401, 403, 403, 403, 403, 200, 403]),
        row("POST", "/v1/config/plan", toml(), [401, 403, 403, 403, 403, 200, 403]),
        row("POST", "/v1/what-if", toml(), [401, 403, 403, 403, 403, 200, 403]),
        row("POST", "/v1/config/apply", toml(), [401, 403, 403, 403, 403, 200, 403]),
        row("POST", "/v1/config/rollback", None, [401, 403, 403, 403, 403, 409, 403]),
    ]
}

fn others() -> Vec<Row> {
    let row = |method, path: &str, body, statuses| (method, path.to_owned(), body, statuses);
    let ready = || Some(json!({ "state": "ready" }));
    let data = || Some(json!({ "ticket": "4711" }));
    let pop = "/v1/pops/00000000000000000000000009";
    vec![
        //                                                                none alice bob  crm  lead admin homeless
        row("GET", "/v1/snapshot", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/calls", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", &format!("/v1/calls/{ALICES}"), None, [401, 200, 404, 200, 200, 200, 403]),
        row("GET", &format!("/v1/calls/{BOBS}"), None, [401, 404, 200, 200, 200, 200, 403]),
        row("GET", &format!("/v1/calls/{ALICES}/why"), None, [401, 200, 404, 200, 200, 200, 403]),
        row("PATCH", &format!("/v1/calls/{ALICES}/data"), data(), [401, 202, 404, 202, 202, 202, 403]),
        row("POST", "/v1/calls", Some(json!({ "to": "1002" })), [401, 202, 202, 422, 422, 422, 403]),
        row(
            "POST",
            "/v1/calls",
            Some(json!({ "to": "1", "agent": "alice" })),
            [401, 202, 403, 202, 202, 202, 403],
        ),
        row(
            "POST",
            &format!("/v1/calls/{ALICES}/supervise"),
            Some(json!({ "mode": "listen", "supervisor": "bob" })),
            [401, 403, 403, 403, 202, 202, 403],
        ),
        row(
            "PATCH",
            "/v1/agents/alice/skills",
            Some(json!({ "billing": 3 })),
            [401, 403, 403, 403, 202, 202, 403],
        ),
        row("GET", "/v1/reports/queues", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/reports/agents", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/reports/teams", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/agents", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/agents/alice", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/agents/nobody", None, [401, 404, 404, 404, 404, 404, 403]),
        row("GET", "/v1/agents/alice/why-idle", None, [401, 200, 403, 200, 200, 200, 403]),
        row("PUT", "/v1/agents/alice/state", ready(), [401, 202, 403, 403, 202, 202, 403]),
        row("GET", "/v1/queues", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/queues/support", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/queues/nowhere", None, [401, 404, 404, 404, 404, 404, 403]),
        row(
            "POST",
            &format!("{pop}/claim"),
            Some(json!({ "client": "tab" })),
            [401, 200, 200, 200, 200, 200, 403],
        ),
        row("POST", &format!("{pop}/shown"), None, [401, 202, 202, 202, 202, 202, 403]),
        row("POST", "/v1/session", None, [401, 200, 200, 200, 200, 200, 403]),
        row("GET", "/v1/me/softphone", None, [401, 404, 404, 404, 404, 404, 403]),
        row("GET", "/v1/webhooks", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/webhooks/crm/deliveries", None, [401, 403, 403, 200, 200, 200, 403]),
        row("GET", "/v1/webhooks/other/deliveries", None, [401, 403, 403, 404, 404, 404, 403]),
        row(
            "POST",
            "/v1/webhooks/crm/replay",
            Some(json!({ "after": "0" })),
            [401, 403, 403, 403, 403, 202, 403],
        ),
        row("GET", "/healthz", None, [200; 7]),
        row("GET", "/readyz", None, [200; 7]),
        row("GET", "/metrics", None, [200; 7]),
        row("GET", "/openapi.json", None, [200; 7]),
        row("GET", "/asyncapi.json", None, [200; 7]),
    ]
}

#[tokio::test]
async fn every_route_answers_each_role_as_the_table_says() {
    let world = World::new().await;
    for (method, path, body, statuses) in table() {
        let mut ask = world.ask(method, &path);
        if let Some(body) = &body {
            ask = ask.json(body);
        }
        assert_eq!(ask.status().await, statuses[0], "{method} {path} without a token");
        for (name, status) in TOKENS.into_iter().zip(&statuses[1..]) {
            let answer = ask.clone().token(name).send().await;
            assert_eq!(answer.status, *status, "{method} {path} as {name}: {}", answer.text());
            if answer.status >= 400 {
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            }
        }
    }
}

#[tokio::test]
async fn no_route_is_missing_in_the_table_above() {
    let world = World::new().await;
    let description = world.get("/openapi.json").send().await.json();
    let table = table();
    let matches = |template: &str, path: &str| {
        let (mut t, mut p) = (template.split('/'), path.split('/'));
        loop {
            match (t.next(), p.next().map(|part| part.split('?').next().unwrap_or_default())) {
                (None, None) => return true,
                (Some(t), Some(p)) if t == p || t.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    for (path, operations) in description["paths"].as_object().unwrap() {
        let streams_and_pages =
            ["/v1/events", "/assets", "/desktop", "/wallboard", "/admin", "/dial", "/sdk"];
        if streams_and_pages.iter().any(|prefix| path.starts_with(prefix)) {
            continue;
        }
        for method in operations.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            assert!(
                table.iter().any(|row| row.0.eq_ignore_ascii_case(method) && matches(path, &row.1)),
                "{method} {path} stands in no row"
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_like_none_and_told_how_to_come() {
    let world = World::new().await;
    for authorization in [
        "Bearer wrong",
        "Bearer alice",
        "Bearer ",
        "Bearer alice-secretx",
        "Bearer hss_AAAA",
        "Basic YWxpY2U6YWxpY2Utc2VjcmV0",
        "alice-secret",
    ] {
        let answer = world.get("/v1/agents").header("Authorization", authorization).send().await;
        answer.problem(401, "token");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"hookswitch\""));
        assert!(!answer.text().contains("alice"), "{authorization}");
    }
    assert_eq!(world.get("/v1/agents").header("authorization", "bearer alice-secret").status().await, 200);
}

#[tokio::test]
async fn a_token_in_the_address_is_a_session_or_may_only_dial() {
    let world = World::new().await;
    world.get("/v1/agents?access_token=alice-secret").send().await.problem(401, "token");
    world.get("/v1/agents?access_token=url-secret").send().await.problem(403, "forbidden");
    // Who has read it in an address could send it in a header: it may dial, nothing else.
    world.get("/v1/agents").token("url").send().await.problem(403, "forbidden");
    world.ask("POST", "/v1/session").token("url").send().await.problem(403, "forbidden");
    let dial = json!({ "agent": "alice", "to": "1002" });
    assert_eq!(world.ask("POST", "/v1/calls?access_token=url-secret").json(&dial).status().await, 202);
    world.ask("POST", "/v1/calls?access_token=lead-secret").json(&dial).send().await.problem(401, "token");

    let session = world.ask("POST", "/v1/session").token("alice").send().await.json();
    assert_eq!((&session["role"], &session["agent"]), (&json!("agent"), &json!("alice")));
    assert_eq!(session["expires_in"], 300);
    let text = session["access_token"].as_str().unwrap();
    let path = format!("/v1/calls?types=x&access_token={text}");
    assert_eq!(world.get(&path).send().await.json()["items"][0]["id"], ALICES.to_string());
    // It opens doors, but makes no successor: it would never end.
    let again =
        world.ask("POST", "/v1/session").header("Authorization", &format!("Bearer {text}")).send().await;
    again.problem(403, "forbidden");

    let mut access = crate::world::access();
    access.tokens.retain(|token| &*token.name != "alice");
    world.access.send_replace(access.into());
    world.get(&path).send().await.problem(401, "token");
}

#[tokio::test]
async fn an_agent_sees_its_own_calls_only_and_no_withheld_number() {
    let world = World::new().await;
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect()
    };
    let everything = world.get("/v1/calls").token("lead").send().await.json();
    assert_eq!(ids(&everything["items"]), [ALICES.to_string(), BOBS.to_string()]);
    assert_eq!(everything["items"][0]["ani"]["raw"], "+49305550001");
    assert_eq!(everything["sequence"], "00000000000000001234");

    let calls = world.get("/v1/calls").token("alice").send().await.json();
    let snapshot = world.get("/v1/snapshot").token("alice").send().await.json();
    let call = world.get(&format!("/v1/calls/{ALICES}")).token("alice").send().await.json();
    for own in [&calls["items"], &snapshot["calls"], &json!([call])] {
        assert_eq!(ids(own), [ALICES.to_string()]);
        assert_eq!(own[0]["ani"], json!({ "raw": "", "e164": null, "withheld": true, "name": null }));
    }
    assert_eq!(snapshot["sequence"], "00000000000000001234");
    assert_eq!(snapshot["agents"], json!([{ "id": "alice" }, { "id": "bob" }]));
    assert_eq!(snapshot["queues"], json!([{ "id": "support" }]));
    assert_eq!(snapshot["pbx"], json!([{ "pbx": "hq" }]));

    let bobs = world.get("/v1/calls").token("bob").send().await.json();
    assert_eq!(bobs["items"][0]["ani"]["raw"], "+49305550001", "not withheld, so shown");
}

#[tokio::test]
async fn a_command_carries_who_asked_and_the_id_that_was_answered() {
    let world = World::new().await;
    let wish = json!({ "state": "not_ready", "reason": "lunch" });
    let answer = world.ask("PUT", "/v1/agents/alice/state").token("alice").json(&wish).send().await;
    assert_eq!(answer.status, 202);
    let command = world.last_command();
    assert_eq!(answer.json(), json!({ "action": command.id }));
    assert_eq!((&*command.actor.name, command.actor.agent), ("alice", Some(agent("alice"))));
    assert_eq!(
        command.request,
        Request::SetAgentState {
            agent: agent("alice"),
            state: AgentState::NotReady,
            reason: Some("lunch".into()),
        }
    );

    world.ask("PUT", "/v1/agents/alice/state").token("lead").json(&json!({ "state": "ready" })).send().await;
    let command = world.last_command();
    assert_eq!((&*command.actor.name, command.actor.agent), ("lead", None));
}
