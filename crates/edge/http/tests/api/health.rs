//! What service managers, load balancers and Prometheus see.

use hookswitch_http::Readiness;
use serde_json::json;

use crate::world::{World, link};

#[tokio::test]
async fn ready_means_every_link_tried_and_the_journal_open() {
    let world = World::new().await;
    let set =
        |journal_open, links| *world.daemon.readiness.lock().unwrap() = Readiness { journal_open, links };

    set(true, vec![link("hq", true, true), link("branch", false, false)]);
    let problem = world.get("/readyz").send().await.problem(503, "not-ready");
    assert_eq!(problem["pbx"][1], json!({ "name": "branch", "tried": false, "up": false }));
    assert!(problem["detail"].as_str().unwrap().contains("branch"));

    set(true, vec![link("hq", true, true), link("branch", true, false)]);
    let answer = world.get("/readyz").send().await;
    assert_eq!((answer.status, &answer.json()["ready"]), (200, &json!(true)));
    let problem = world.get("/readyz?links=up").send().await.problem(503, "not-ready");
    assert!(problem["detail"].as_str().unwrap().contains("branch"));

    set(true, vec![link("hq", true, true), link("branch", true, true)]);
    assert_eq!(world.get("/readyz?links=up").status().await, 200);

    set(false, vec![link("hq", true, true)]);
    assert_eq!(world.get("/readyz").send().await.problem(503, "not-ready")["journal"], "closed");

    set(true, Vec::new());
    assert_eq!(world.get("/readyz?links=up").status().await, 200, "no PBX, none missing");
    world.get("/readyz?links=down").send().await.problem(400, "request");
}

#[tokio::test]
async fn metrics_are_open_on_this_machine_and_need_a_token_from_elsewhere() {
    let world = World::new().await;
    let answer = world.get("/metrics").send().await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(answer.text().contains("hookswitch_calls_total 7"));
    // Behind a proxy on this machine everybody comes from loopback.
    for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"] {
        for path in ["/metrics", "/readyz", "/healthz"] {
            world.get(path).header(header, "192.0.2.7").send().await.problem(401, "token");
        }
    }
    assert_eq!(world.get("/metrics").header("Via", "1.1 proxy").token("crm").status().await, 200);
}

#[tokio::test]
async fn health_needs_no_daemon_behind_it() {
    let world = World::new().await;
    world.daemon.gone.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(world.get("/healthz").send().await.text(), "ok\n");
}
