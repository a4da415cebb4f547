//! Reports: their two forms, whose figures a token sees, and what is refused.

use crate::world::World;

#[tokio::test]
async fn a_report_is_json_or_csv_as_it_is_asked_for() {
    let world = World::new().await;
    let answer = world.get("/v1/reports/queues").http_1_0().token("lead").send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.text(), "Queues Json\r\nQueues Json\r\n", "every piece, in order");
    let csv = Some("text/csv; charset=utf-8; header=present");
    let answer = world.get("/v1/reports/teams?format=csv").http_1_0().token("crm").send().await;
    assert_eq!((answer.header("content-type"), answer.text()), (csv, "Teams Csv\r\nTeams Csv\r\n"));
    let answer = world.get("/v1/reports/queues").token("admin").header("accept", "text/csv").send().await;
    assert_eq!((answer.header("content-type"), answer.header("vary")), (csv, Some("Accept")));
    let both = world.get("/v1/reports/queues?format=json").token("admin").header("accept", "text/csv");
    assert_eq!(both.send().await.header("content-type"), Some("application/json"));
    world.get("/v1/reports/queues?format=xml").token("admin").send().await.problem(400, "request");
}

#[tokio::test]
async fn an_agent_sees_its_own_figures_and_no_queues_or_teams() {
    let world = World::new().await;
    let own = world.get("/v1/reports/agents").token("alice").send().await;
    assert!(own.text().contains("Agents { only: Some(\"alice\") } Json"), "{}", own.text());
    let all = world.get("/v1/reports/agents").token("lead").send().await;
    assert!(all.text().contains("Agents { only: None } Json"), "{}", all.text());
    for path in ["/v1/reports/queues", "/v1/reports/teams"] {
        world.get(path).token("alice").send().await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn what_cannot_be_reported_says_why_and_what_would_do() {
    let world = World::new().await;
    let of = |interval: &str| world.get(&format!("/v1/reports/queues?interval={interval}")).token("lead");
    let wrong = of("2h").send().await.problem(422, "invalid");
    assert_eq!((wrong["detail"].as_str(), wrong["hint"].as_str()), (Some("interval: \"2h\""), Some("1h")));
    let large = of("15m").send().await.problem(413, "too-large");
    assert_eq!(large["hint"], "less");
    let busy = of("30m").send().await;
    busy.problem(503, "busy");
    assert_eq!(busy.header("retry-after"), Some("1"));
}
