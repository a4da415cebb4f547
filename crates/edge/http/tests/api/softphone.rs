//! Telephones in browsers: who is told what they register with, and what the page may reach for it.

use hookswitch_config::Secret;
use hookswitch_http::Softphone;
use serde_json::json;

use crate::world::{World, agent};

const PBX: &str = "wss://pbx.example.com:8089/ws";

/// A server where alice's browser is a telephone whose password is known, and bob's one whose is not.
async fn with_softphones() -> World {
    let world = World::new().await;
    let softphone = |name: &str, password: Option<Secret>| Softphone {
        device: format!("PJSIP/{name}"),
        url: PBX.to_owned(),
        domain: "pbx.example.com".to_owned(),
        username: name.to_owned(),
        password,
        stun: vec!["stun:stun.example.com".to_owned()],
    };
    let mut access = crate::world::access();
    access.softphones = [
        (agent("alice"), softphone("1001", Some(Secret::plain("s3cret-of-1001")))),
        (agent("bob"), softphone("1002", Some(Secret::env("HOOKSWITCH_NOT_SET_ANYWHERE")))),
    ]
    .into();
    world.access.send_replace(access.into());
    world
}

#[tokio::test]
async fn an_agent_is_told_the_own_password_and_nobody_else_is() {
    let world = with_softphones().await;
    let answer = world.get("/v1/me/softphone").token("alice").send().await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = json!({
        "device": "PJSIP/1001", "url": PBX, "uri": "sip:1001@pbx.example.com", "username": "1001",
        "password": "s3cret-of-1001", "stun": ["stun:stun.example.com"],
    });
    assert_eq!(answer.json(), told);
    // A secret that cannot be read is typed.
    let bobs = world.get("/v1/me/softphone").token("bob").send().await.json();
    assert_eq!((&bobs["username"], &bobs["password"]), (&json!("1002"), &json!(null)));
    for other in ["crm", "lead", "admin"] {
        world.get("/v1/me/softphone").token(other).send().await.problem(404, "unknown");
    }
    // A supervisor who is an agent, too, is one with that agent's phone.
    assert_eq!(world.get("/v1/me/softphone").token("desk").status().await, 200);
    world.get("/v1/me/softphone").token("homeless").send().await.problem(403, "forbidden");
    world.get("/v1/me/softphone").token("url").send().await.problem(403, "forbidden");
    world.get("/v1/me/softphone").send().await.problem(401, "token");
}

#[tokio::test]
async fn a_token_in_the_address_is_not_told_a_password() {
    let world = with_softphones().await;
    let session = world.ask("POST", "/v1/session").token("alice").send().await.json();
    assert_eq!(session["softphone"], true);
    let text = session["access_token"].as_str().unwrap();
    let answer = world.get(&format!("/v1/me/softphone?access_token={text}")).send().await;
    answer.problem(403, "forbidden");
    assert_eq!(world.ask("POST", "/v1/session").token("crm").send().await.json()["softphone"], false);
}

#[tokio::test]
async fn the_password_stands_in_no_other_answer() {
    let world = with_softphones().await;
    for path in
        ["/v1/snapshot", "/v1/agents", "/v1/agents/alice", "/v1/events?after=0", "/v1/tokens", "/desktop/"]
    {
        let answer = world.get(path).token("admin").send().await;
        assert_eq!(answer.text().matches("s3cret").count(), 0, "{path}");
    }
}

#[tokio::test]
async fn the_desktop_may_reach_the_pbx_and_the_microphone_only_where_there_is_a_softphone() {
    let world = World::new().await;
    let rules = async |path: &str| {
        let answer = world.get(path).send().await;
        let header = |name: &str| answer.header(name).unwrap().to_owned();
        (header("content-security-policy"), header("permissions-policy"))
    };
    let before = rules("/desktop/").await;
    assert!(before.0.contains("connect-src 'self';") && before.1.contains("microphone=()"), "{before:?}");
    let mut access = crate::world::access();
    access.softphones = with_softphones().await.access.borrow().softphones.clone();
    world.access.send_replace(access.into());
    let after = rules("/desktop/").await;
    assert!(after.0.contains(&format!("connect-src 'self' {PBX};")), "{after:?}");
    assert!(after.1.contains("microphone=(self)") && after.1.contains("camera=()"), "{after:?}");
    for other in ["/wallboard/", "/admin/", "/dial/"] {
        let rules = rules(other).await;
        assert!(
            rules.0.contains("connect-src 'self';") && rules.1.contains("microphone=()"),
            "{other} {rules:?}"
        );
    }
}
