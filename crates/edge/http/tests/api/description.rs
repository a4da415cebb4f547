//! `/openapi.json` against the router.

use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn every_described_operation_is_served_and_no_other_method_is() {
    let world = World::new().await;
    let description = world.get("/openapi.json").send().await.json();
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() >= 20, "{}", paths.len());
    for (path, operations) in paths {
        let path = path
            .replace("{id}", "00000000000000000000000009")
            .replace("{name}", "crm")
            .replace("{file}", "main.js");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let described = operations.get(method.to_lowercase()).is_some();
            let status = world.ask(method, &path).status().await;
            assert_eq!(status != 405, described, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn what_needs_a_token_says_so_and_is_refused_without_one() {
    let world = World::new().await;
    let description = world.get("/openapi.json").send().await.json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in
            operations.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters")
        {
            let open = |security: &Value| {
                security.as_array().unwrap().iter().all(|way| way == &serde_json::json!({}))
            };
            let method: &'static str = match &**method {
                "get" => "GET",
                "post" => "POST",
                "put" => "PUT",
                "patch" => "PATCH",
                "delete" => "DELETE",
                other => panic!("{other}"),
            };
            if operation["x-roles"].is_array() {
                assert!(!open(&operation["security"]), "{method} {path}");
                world.ask(method, &path.replace(['{', '}'], "")).send().await.problem(401, "token");
            }
        }
    }
}
