//! What service managers, load balancers and Prometheus see.

use hookswitch_http::{
    JournalState::{self, Degraded, Open},
    LinkReadiness, Readiness,
};
use serde_json::json;

use crate::world::{World, link};

#[tokio::test]
async fn ready_means_every_link_tried() {
    let world = World::new().await;
    let set = |links| is(&world, Open, links);
    set(vec![link("hq", true, true), link("branch", false, false)]);
    let problem = world.get("/readyz").send().await.problem(503, "not-ready");
    assert_eq!(problem["pbx"][1], json!({ "name": "branch", "tried": false, "up": false }));
    assert!(problem["detail"].as_str().unwrap().contains("branch"));

    set(vec![link("hq", true, true), link("branch", true, false)]);
    let answer = world.get("/readyz").send().await;
    assert_eq!((answer.status, &answer.json()["ready"]), (200, &json!(true)));
    let problem = world.get("/readyz?links=up").send().await.problem(503, "not-ready");
    assert!(problem["detail"].as_str().unwrap().contains("branch"));

    set(vec![link("hq", true, true), link("branch", true, true)]);
    assert_eq!(world.get("/readyz?links=up").status().await, 200);

    set(Vec::new());
    assert_eq!(world.get("/readyz?links=up").status().await, 200, "no PBX, none missing");
    world.get("/readyz?links=down").send().await.problem(400, "request");
}

#[tokio::test]
async fn a_full_disk_is_said_and_makes_nobody_unready_who_did_not_ask_for_the_journal() {
    let world = World::new().await;
    is(&world, Degraded, vec![link("hq", true, true)]);
    for path in ["/readyz", "/readyz?links=up"] {
        let answer = world.get(path).send().await;
        assert_eq!(answer.status, 200, "callers are routed");
        assert_eq!((&answer.json()["ready"], &answer.json()["journal"]), (&json!(true), &json!("degraded")));
    }
    let problem = world.get("/readyz?journal=open").send().await.problem(503, "not-ready");
    assert_eq!((&problem["ready"], &problem["journal"]), (&json!(false), &json!("degraded")));
    assert!(problem["detail"].as_str().unwrap().contains("disk"), "{problem}");

    is(&world, Open, vec![link("hq", true, true)]);
    assert_eq!(world.get("/readyz?journal=open").send().await.json()["journal"], "open");
    world.get("/readyz?journal=closed").send().await.problem(400, "request");
}

fn is(world: &World, journal: JournalState, links: Vec<LinkReadiness>) {
    *world.daemon.readiness.lock().unwrap() = Readiness { journal, links };
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
