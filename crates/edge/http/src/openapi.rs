//! `/openapi.json`: the paths from the table of routes, the shapes from `openapi/schemas.json`.

use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::{
    access::role_name,
    render,
    route::{Doc, Route, Who},
    routes,
};

/// The shapes, kept by hand: they are the public contract, not what a struct happens to look like today.
const SCHEMAS: &str = include_str!("openapi/schemas.json");

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get(
        "/openapi.json",
        Who::Anybody,
        Doc::media("This description", "application/json"),
        async || -> Response { render::json(description(&routes::all()).to_string()) },
    )]
}

/// OpenAPI 3.1 of these routes.
fn description(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| parameters_of(route.path));
        path[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    let schemas: Value = serde_json::from_str(SCHEMAS).expect("a test reads the file");
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hookswitch",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Calls, agents and queues of any PBX for any CRM. Control is asynchronous: 202 and the id \
                of an action, the truth comes as events that carry it.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": {
                "description": "It did not go well; `type` and `detail` say why.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": {
                    "type": "apiKey", "in": "query", "name": "access_token",
                    "description": "A short-lived token from POST /v1/session, where no header can be sent.",
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let Doc { summary, query, body, answer: (status, media, schema) } = route.doc;
    let content = schema.map_or_else(|| json!({}), |schema| json!({ "schema": reference(schema) }));
    let mut responses = Map::new();
    let text = if status == 202 { "It is being done" } else { "It went well" };
    responses.insert(status.to_string(), json!({ "description": text, "content": { media: content } }));
    responses.insert("default".into(), json!({ "$ref": "#/components/responses/Problem" }));
    let mut operation = json!({ "summary": summary, "responses": responses });
    if !query.is_empty() {
        let parameter = |(name, meaning): &(&str, &str)| json!({ "name": name, "in": "query", "description": meaning, "schema": { "type": "string" } });
        operation["parameters"] = query.iter().map(parameter).collect();
    }
    if let Some(schema) = body {
        operation["requestBody"] =
            json!({ "content": { "application/json": { "schema": reference(schema) } } });
    }
    match route.who {
        Who::Anybody => operation["security"] = json!([]),
        Who::Neighbour => operation["security"] = json!([{}, { "token": [] }, { "session": [] }]),
        Who::Roles(roles) => {
            operation["security"] = json!([{ "token": [] }, { "session": [] }]);
            operation["x-roles"] = roles.iter().copied().map(role_name).collect();
        }
    }
    operation
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// The parameters every method of a path shares: what stands in braces.
fn parameters_of(path: &str) -> Value {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if parameters.is_empty() { json!({}) } else { json!({ "parameters": parameters }) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every `$ref` below a value.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let description = description(&routes::all());
        let mut found = BTreeSet::new();
        references(&description, &mut found);
        for reference in &found {
            assert!(description.pointer(&reference[1..]).is_some(), "{reference}");
        }
        let schemas = description["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            assert!(found.contains(&*format!("#/components/schemas/{name}")), "{name} is used nowhere");
        }
    }

    #[test]
    fn every_route_is_described_with_its_parameters() {
        let routes = routes::all();
        let description = description(&routes);
        for route in &routes {
            let path = &description["paths"][route.path];
            assert!(path[route.method.as_str().to_lowercase()]["summary"].is_string(), "{}", route.path);
            let named = path["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(named, route.path.matches('{').count(), "{}", route.path);
        }
    }
}
