//! Single sign-on: who is let in by a signed token, and who is not.

mod provider;

use std::{sync::atomic::Ordering, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::StreamExt as _;
use hookswitch_http::Limits;
use serde_json::{Value, json};

use crate::{
    reader::{Socket, Sse},
    world::{ALICES, NOW_S, World},
};
use provider::{AUDIENCE, ISSUER, Provider};

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "u-4711", "agent": "alice", "exp": NOW_S + 300, "iat": NOW_S })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

async fn world(provider: &Provider) -> World {
    trusting(World::new().await, provider)
}

fn trusting(world: World, provider: &Provider) -> World {
    let mut access = crate::world::access();
    access.single_sign_on = Some(provider.trusted().into());
    world.access.send_replace(access.into());
    world
}

async fn status(world: &World, token: &str) -> u16 {
    world.get("/v1/calls").header("Authorization", &format!("Bearer {token}")).status().await
}

#[tokio::test]
async fn a_token_of_the_provider_is_its_agents_and_nobody_elses() {
    let provider = Provider::new();
    let world = world(&provider).await;
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let token = provider.token(algorithm, &claims());
        let calls =
            world.get("/v1/calls").header("Authorization", &format!("Bearer {token}")).send().await.json();
        assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{algorithm}");
        assert_eq!(calls["items"][0]["id"], ALICES.to_string());
    }
    let several = with("aud", json!(["other", AUDIENCE]));
    assert_eq!(status(&world, &provider.token("EdDSA", &several)).await, 200);
    let fraction = with("exp", (NOW_S + 10) as f64 + 0.5);
    assert_eq!(status(&world, &provider.token("EdDSA", &fraction)).await, 200);

    let hold = world.ask("POST", &format!("/v1/calls/{ALICES}/hold"));
    let token = provider.token("EdDSA", &claims());
    assert_eq!(hold.header("Authorization", &format!("Bearer {token}")).status().await, 202);
    let actor = world.last_command().actor;
    assert_eq!((&*actor.name, actor.agent), ("u-4711", Some(crate::world::agent("alice"))));
    // No claim makes more of it than an agent.
    let token = provider.token("EdDSA", &with("role", "admin"));
    let state = world.ask("PUT", "/v1/agents/bob/state").json(&json!({ "state": "ready" }));
    assert_eq!(state.header("Authorization", &format!("Bearer {token}")).status().await, 403);
}

#[tokio::test]
async fn a_token_of_an_agent_that_is_not_ours_is_told_so() {
    let provider = Provider::new();
    let world = world(&provider).await;
    let token = provider.token("EdDSA", &with("agent", "mallory"));
    let answer = world.get("/v1/calls").header("Authorization", &format!("Bearer {token}")).send().await;
    answer.problem(403, "forbidden");
}

/// Signed by nobody, by somebody else, or otherwise than it says.
fn forged_signatures(provider: &Provider) -> Vec<(&'static str, String)> {
    let good = provider.token("EdDSA", &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let stranger = Provider::new();
    let head_of = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid, "typ": "JWT" });
    let signed = |head: Value, by: &str| provider.signed(&head, &claims(), by);
    let unsigned =
        |alg: &str, end: &str| format!("{}.{}.{end}", encoded(&head_of(alg, "ed")), encoded(&claims()));
    let hmac = |key: &[u8], kid: &str| provider::hmac(&head_of("HS256", kid), &claims(), key);
    let other_alg = |alg: &str, by: &str| signed(head_of(alg, by), by);
    let adding = |name: &str, value: Value| {
        let mut head = head_of("EdDSA", "stranger");
        head[name] = value;
        stranger.signed(&head, &claims(), "ed")
    };
    let mut long = claims();
    long["padding"] = "x".repeat(9_000).into();
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[0] ^= 1;
    let edited = encoded(&with("agent", "bob"));
    vec![
        ("alg none", unsigned("none", "")),
        ("alg None", unsigned("None", "")),
        ("alg nOnE with a signature", unsigned("nOnE", signature)),
        ("alg empty", unsigned("", signature)),
        ("no signature", unsigned("EdDSA", "")),
        ("HMAC with the RSA key's modulus", hmac(&provider.rsa_modulus(), "rsa")),
        ("HMAC with the Ed25519 point", hmac(&provider.ed_point(), "ed")),
        ("HMAC with the key set", hmac(provider.key_set().to_string().as_bytes(), "ed")),
        ("HMAC with nothing", hmac(b"", "ed")),
        ("RS256 named, signed by Ed25519", other_alg("RS256", "ed")),
        ("ES256 named, signed by Ed25519", other_alg("ES256", "ed")),
        ("EdDSA named, signed by RSA", other_alg("EdDSA", "rsa")),
        ("PS256", other_alg("PS256", "rsa")),
        ("RS512", other_alg("RS512", "rsa")),
        ("ES384", other_alg("ES384", "ec")),
        ("a stranger's key under our name", stranger.token("EdDSA", &claims())),
        ("a stranger's key of its own name", stranger.signed(&head_of("EdDSA", "stranger"), &claims(), "ed")),
        ("kid unknown", signed(head_of("EdDSA", "gone"), "ed")),
        ("kid a path", signed(head_of("EdDSA", "../../../../dev/null"), "ed")),
        ("kid a query", signed(head_of("EdDSA", "' OR 1=1 --"), "ed")),
        ("kid a number", signed(json!({ "alg": "EdDSA", "kid": 7 }), "ed")),
        ("kid of two keys", signed(head_of("EdDSA", "twice"), "ed")),
        ("no kid where there are two keys of the kind", signed(json!({ "alg": "EdDSA" }), "ed")),
        ("kid of the encryption key", signed(head_of("RS256", "for-encryption"), "rsa")),
        ("a key of its own in jwk", adding("jwk", stranger.key_set()["keys"][0].clone())),
        ("a key set of its own in jku", adding("jku", json!("https://evil.example/keys"))),
        ("a certificate of its own in x5c", adding("x5c", json!(["MIIB"]))),
        ("a certificate's address in x5u", adding("x5u", json!("file:///etc/passwd"))),
        (
            "critical extensions",
            signed(json!({ "alg": "EdDSA", "kid": "ed", "crit": ["b64"], "b64": false }), "ed"),
        ),
        ("another body under the signature", format!("{head}.{edited}.{signature}")),
        ("a flipped bit", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(flipped))),
        ("a signature cut short", format!("{head}.{body}.{}", &signature[..signature.len() - 4])),
        ("padding of base64", format!("{head}.{body}.{signature}==")),
        ("a body that is no object", provider.signed(&head_of("EdDSA", "ed"), &json!("alice"), "ed")),
        ("a head that is no JSON", format!("bm8.{body}.{signature}")),
        ("too long", provider.token("EdDSA", &long)),
        ("four parts", format!("{good}.x")),
        ("two parts", format!("{head}.{body}")),
        ("nothing between dots", "..".to_owned()),
    ]
}

/// Signed by the provider, but not for us, not now, or for nobody.
fn wrong_claims(provider: &Provider) -> Vec<(&'static str, String)> {
    vec![
        ("wrong audience", provider.token("EdDSA", &with("aud", "other"))),
        ("audience of another case", provider.token("EdDSA", &with("aud", AUDIENCE.to_uppercase()))),
        ("no audience", provider.token("EdDSA", &without("aud"))),
        ("audience null", provider.token("EdDSA", &with("aud", Value::Null))),
        ("wrong issuer", provider.token("EdDSA", &with("iss", "https://evil.example/"))),
        ("issuer without the slash", provider.token("EdDSA", &with("iss", ISSUER.trim_end_matches('/')))),
        ("no issuer", provider.token("EdDSA", &without("iss"))),
        ("expired", provider.token("EdDSA", &with("exp", NOW_S - 31))),
        ("no exp", provider.token("EdDSA", &without("exp"))),
        ("exp in text", provider.token("EdDSA", &with("exp", (NOW_S + 300).to_string()))),
        ("exp negative", provider.token("EdDSA", &with("exp", -1))),
        ("exp true", provider.token("EdDSA", &with("exp", true))),
        ("not yet", provider.token("EdDSA", &with("nbf", NOW_S + 31))),
        ("nbf in text", provider.token("EdDSA", &with("nbf", "soon"))),
        ("issued tomorrow", provider.token("EdDSA", &with("iat", NOW_S + 86_400))),
        ("no agent", provider.token("EdDSA", &without("agent"))),
        ("two agents", provider.token("EdDSA", &with("agent", json!(["alice", "bob"])))),
        ("agent no name", provider.token("EdDSA", &with("agent", "alice\r\nbob"))),
    ]
}

#[tokio::test]
async fn no_forged_token_is_let_in() {
    let provider = Provider::new();
    let world = world(&provider).await;
    assert_eq!(status(&world, &provider.token("EdDSA", &claims())).await, 200, "the good one");
    let mut forged = forged_signatures(&provider);
    forged.extend(wrong_claims(&provider));
    assert!(forged.len() >= 30, "{}", forged.len());
    for (what, token) in forged {
        let ask = world.ask("POST", "/v1/calls").header("Authorization", &format!("Bearer {token}"));
        let answer = ask.json(&json!({ "to": "1002" })).send().await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        answer.problem(401, "token");
    }
    assert_eq!(world.commands(), 0);
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_its_session_with_it() {
    let provider = Provider::new();
    let world = world(&provider).await;
    let token = provider.token("ES256", &with("exp", NOW_S + 60));
    let open = world.ask("POST", "/v1/session").header("Authorization", &format!("Bearer {token}"));
    let session = open.send().await.json();
    assert_eq!((&session["role"], &session["agent"]), (&json!("agent"), &json!("alice")));
    assert_eq!(session["expires_in"], 90, "60 s and the leeway");
    let path = format!("/v1/calls?access_token={}", session["access_token"].as_str().unwrap());
    assert_eq!(world.get(&path).status().await, 200);
    // A signed token itself does not belong into an address.
    assert_eq!(world.get(&format!("/v1/calls?access_token={token}")).status().await, 401);

    world.clock.store(NOW_S + 89, Ordering::SeqCst);
    assert_eq!((status(&world, &token).await, world.get(&path).status().await), (200, 200));
    world.clock.store(NOW_S + 90, Ordering::SeqCst);
    assert_eq!((status(&world, &token).await, world.get(&path).status().await), (401, 401));

    world.clock.store(NOW_S, Ordering::SeqCst);
    world.access.send_replace(crate::world::access().into());
    assert_eq!(
        (status(&world, &token).await, world.get(&path).status().await),
        (401, 401),
        "not believed any more"
    );
}

#[tokio::test]
async fn a_stream_ends_with_the_signed_token_it_was_opened_with() {
    let provider = Provider::new();
    let limits = Limits { keep_alive: Duration::from_millis(20), ..Limits::default() };
    let world = trusting(World::with(limits).await, &provider);
    let token = provider.token("ES256", &with("exp", NOW_S + 60));
    let mut socket = Socket::connect_as(&world, &token, "").await;
    assert_eq!(socket.frame().await["type"], "stream.hello");
    let mut sse = Sse::open_as(&world, &token, "", None).await;
    sse.next_event().await.unwrap();
    // The leeway counts here, too.
    world.clock.store(NOW_S + 89, Ordering::SeqCst);
    while !socket.raw.next().await.unwrap().unwrap().is_ping() {}
    world.clock.store(NOW_S + 90, Ordering::SeqCst);
    assert_eq!(socket.until_closed().await.1, 4003);
    assert_eq!(sse.next_event().await, None);
}

#[tokio::test]
async fn keys_are_fetched_again_when_they_change_but_not_for_every_forgery() {
    let provider = Provider::new();
    let served = provider.serve().await;
    let world = World::new().await;
    let mut access = crate::world::access();
    access.single_sign_on = Some(served.trusted().into());
    world.access.send_replace(access.into());

    assert_eq!(status(&world, &provider.token("EdDSA", &claims())).await, 200);
    assert_eq!(served.fetches(), 1);
    let unknown = provider.signed(&json!({ "alg": "EdDSA", "kid": "new" }), &claims(), "ed");
    for _ in 0..20 {
        assert_eq!(status(&world, &unknown).await, 401);
    }
    assert_eq!(served.fetches(), 1, "a moment ago");
    served.rename("ed", "new");
    world.clock.store(NOW_S + 30, Ordering::SeqCst);
    assert_eq!(status(&world, &unknown).await, 200, "the provider has a new key");
    assert_eq!(served.fetches(), 2);

    served.fail();
    world.clock.store(NOW_S + 299, Ordering::SeqCst);
    assert_eq!(status(&world, &unknown).await, 200);
    let late = provider.signed(&json!({ "alg": "EdDSA", "kid": "new" }), &with("exp", NOW_S + 3_600), "ed");
    world.clock.store(NOW_S + 1_000, Ordering::SeqCst);
    assert_eq!(status(&world, &late).await, 200, "a provider that is away does not lock everybody out");
    assert_eq!(served.fetches(), 3);
}
