//! Which pages may call.

use serde_json::json;

use crate::world::World;

const CRM: &str = "https://crm.example.com";

#[tokio::test]
async fn an_allowed_page_reads_answers_and_errors() {
    let world = World::new().await;
    for (token, status) in [(Some("alice"), 200), (None, 401)] {
        let mut ask = world.get("/v1/agents").header("Origin", CRM);
        if let Some(token) = token {
            ask = ask.token(token);
        }
        let answer = ask.send().await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(CRM));
        assert_eq!(answer.header("vary"), Some("Origin"));
        assert!(answer.header("access-control-expose-headers").unwrap().contains("X-Request-Id"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let lost = world.get("/nowhere").header("Origin", CRM).send().await;
    assert_eq!((lost.status, lost.header("access-control-allow-origin")), (404, Some(CRM)));
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token() {
    let world = World::new().await;
    let preflight = world
        .ask("OPTIONS", "/v1/agents/alice/state")
        .header("Origin", CRM)
        .header("Access-Control-Request-Method", "PUT")
        .header("Access-Control-Request-Headers", "authorization,content-type")
        .header("Access-Control-Request-Private-Network", "true");
    let answer = preflight.send().await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some(CRM)));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("PUT"));
    for name in ["Authorization", "Content-Type", "Idempotency-Key"] {
        assert!(answer.header("access-control-allow-headers").unwrap().contains(name), "{name}");
    }
    assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
    assert!(answer.header("access-control-max-age").is_some());
}

#[tokio::test]
async fn a_strange_page_is_refused_before_anything_is_done() {
    let world = World::new().await;
    for origin in [
        "https://evil.example",
        "http://crm.example.com",
        "https://crm.example.com:8443",
        "https://crm.example.com.evil.example",
        "https://CRM.example.com",
        "null",
        "",
        "file://",
    ] {
        let put = world.ask("PUT", "/v1/agents/alice/state").token("alice").header("Origin", origin);
        let answer = put.json(&json!({ "state": "ready" })).send().await;
        answer.problem(403, "origin");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        let preflight = world.ask("OPTIONS", "/v1/agents").header("Origin", origin);
        preflight.header("Access-Control-Request-Method", "GET").send().await.problem(403, "origin");
    }
    let two =
        world.get("/v1/agents").token("alice").header("Origin", CRM).header("Origin", "https://evil.example");
    two.send().await.problem(403, "origin");
    assert_eq!(world.commands(), 0);
}

#[tokio::test]
async fn our_own_page_needs_no_entry() {
    let world = World::new().await;
    let own = format!("http://{}", world.address);
    let answer = world.get("/v1/agents").token("alice").header("Origin", &own).send().await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
    let neighbour = format!("http://127.0.0.1:{}", world.address.port() ^ 1);
    world.get("/v1/agents").token("alice").header("Origin", &neighbour).send().await.problem(403, "origin");
}

#[tokio::test]
async fn a_changed_configuration_changes_who_may_call() {
    let world = World::new().await;
    let mut access = crate::world::access();
    access.allowed_origins = vec!["https://new.example".into()];
    world.access.send_replace(access.into());
    world.get("/v1/agents").token("alice").header("Origin", CRM).send().await.problem(403, "origin");
    assert_eq!(
        world.get("/v1/agents").token("alice").header("Origin", "https://new.example").status().await,
        200
    );
}
