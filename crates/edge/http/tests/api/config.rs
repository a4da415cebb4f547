//! The configuration over HTTP: what is sent, what is told of one that cannot be used.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_configuration_is_taken_as_toml_as_one_text_and_as_files() {
    let world = World::new().await;
    let apply = || world.ask("POST", "/v1/config/apply").token("admin");
    let toml = apply().header("Content-Type", "application/toml").body("[server]\n").send().await;
    assert_eq!((toml.status, toml.json()), (200, json!({"admin": "hookswitch.toml"})));
    let text = apply().json(&json!({"config": "[server]\n"})).send().await;
    assert_eq!(text.json(), json!({"admin": "hookswitch.toml"}));
    let files = apply().json(&json!({"main": "a.toml", "files": {"a.toml": ""}})).send().await;
    assert_eq!(files.json(), json!({"admin": "a.toml"}));
    for wrong in [json!({"main": "a.toml"}), json!([]), json!({"config": 7})] {
        apply().json(&wrong).send().await.problem(422, "invalid");
    }
    apply().header("Content-Type", "text/plain").body([0xff, 0xfe]).send().await.problem(422, "invalid");
}

#[tokio::test]
async fn a_configuration_may_be_larger_than_other_bodies() {
    let world = World::new().await;
    let comment = format!("# {}\n[server]\n", "x".repeat(1 << 20));
    let plan = world.ask("POST", "/v1/config/plan").token("admin");
    let answer = plan.header("Content-Type", "application/toml").body(comment).send().await;
    assert_eq!((answer.status, answer.json()), (200, json!({"main": "fine"})));
}

#[tokio::test]
async fn every_problem_of_a_configuration_is_told_with_its_place() {
    let world = World::new().await;
    let plan = world.ask("POST", "/v1/config/plan").token("admin");
    let answer = plan.header("Content-Type", "application/toml").body("[server]\nlisten = 7\nx = 1\n");
    let problem = answer.send().await.problem(422, "configuration");
    let problems = problem["problems"].as_array().unwrap();
    assert!(problems.iter().all(|problem| problem["hint"].is_string()), "{problems:?}");
    let problems: Vec<_> = problems.iter().filter(|problem| problem["severity"] == "error").collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!((&problems[0]["line"], &problems[0]["key"]), (&json!(2), &json!("server.listen")));
}

#[tokio::test]
async fn who_is_explained_to_says_what_makes_sense() {
    let world = World::new().await;
    let explain = || world.ask("POST", "/v1/explain").token("lead");
    let answer = explain().json(&json!({"ani": "+4930555", "dnis": "5003", "data": {"a": "1"}})).send().await;
    assert_eq!(answer.json(), json!({"dnis": "5003"}));
    let problem = explain().json(&json!({"dnis": "5003", "at": "soon"})).send().await;
    assert_eq!(problem.problem(422, "invalid")["hint"], "RFC 3339");
    explain().json(&json!({"ani": "+4930555"})).send().await.problem(422, "invalid");
    explain().json(&json!({"dnis": "5003", "time": "now"})).send().await.problem(422, "invalid");
}

#[tokio::test]
async fn with_nothing_to_go_back_to_it_says_so() {
    let world = World::new().await;
    world.ask("POST", "/v1/config/rollback").token("admin").send().await.problem(409, "oldest");
    assert_eq!(world.get("/v1/config").token("admin").send().await.json()["version"], 7);
}
