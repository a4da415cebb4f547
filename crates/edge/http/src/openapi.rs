//! `/openapi.json`: the paths from the table of routes, the shapes from `openapi/schemas.json`.

use axum::{http::Method, response::Response};
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

/// The shapes of objects that events hold too.
pub(crate) fn objects() -> Map<String, Value> {
    const SHARED: [&str; 16] = [
        "Sequence",
        "Number",
        "Dnis",
        "Via",
        "Candidate",
        "Customer",
        "Leg",
        "Call",
        "Callback",
        "Agent",
        "Work",
        "Queue",
        "Alert",
        "Link",
        "Snapshot",
        "Event",
    ];
    let schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).expect("a test reads the file");
    schemas.into_iter().filter(|(name, _)| SHARED.contains(&name.as_str())).collect()
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
                of an action, the truth comes as events that carry it (/asyncapi.json).",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": { "IdempotencyKey": {
                "name": "Idempotency-Key", "in": "header",
                "description": "The same key with the same body is done once and answered alike for ten minutes.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            } },
            "responses": problems(),
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token of `hookswitch token create`, or a signed one (JWT) of the provider in [auth.jwt].",
                },
                "session": {
                    "type": "apiKey", "in": "query", "name": "access_token",
                    "description": "A short-lived token from POST /v1/session, where no header can be sent.",
                },
            },
        },
    })
}

/// What each status of a problem means.
const PROBLEMS: [(u16, &str); 13] = [
    (400, "The request cannot be read"),
    (401, "No token, an unknown one, or one that has expired"),
    (403, "The token's role may not do this, or the page's origin may not call"),
    (404, "No such thing, or not yours"),
    (405, "Not that way"),
    (408, "The body came too slowly"),
    (409, "Not possible now; `allowed` says what is"),
    (410, "Too late"),
    (413, "The body is too large"),
    (415, "The body is not JSON"),
    (422, "Never possible as asked; `hint` says what would do"),
    (429, "Too often; `Retry-After` says when again"),
    (503, "Not available now; `Retry-After` says when again"),
];

fn problems() -> Value {
    let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
    let one = |(status, meaning): &(u16, &str)| {
        let mut response = json!({ "description": meaning, "content": content });
        if matches!(status, 429 | 503) {
            response["headers"] = json!({ "Retry-After": {
                "description": "Seconds", "schema": { "type": "integer", "minimum": 1 },
            } });
        }
        (format!("Problem{status}"), response)
    };
    PROBLEMS.iter().map(one).collect::<Map<_, _>>().into()
}

/// The statuses of problems a route can answer.
fn problems_of(route: &Route) -> Vec<u16> {
    let mut statuses = route.doc.problems.to_vec();
    if route.path.contains('{') {
        statuses.push(404);
    }
    match route.who {
        Who::Anybody => {}
        Who::Neighbour => statuses.extend([401, 403, 429]),
        Who::Roles(_) => statuses.extend([401, 403, 429, 503]),
    }
    if !route.doc.query.is_empty() {
        statuses.extend([400, 422]);
    }
    if route.method != Method::GET {
        statuses.extend([400, 408, 413, 422]);
    }
    if route.doc.body.is_some() {
        statuses.push(415);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

fn operation(route: &Route) -> Value {
    let Doc { summary, query, body, answer: (status, media, schema), problems: _ } = route.doc;
    let content = schema.map_or_else(|| json!({}), |schema| json!({ "schema": reference(schema) }));
    let mut responses = Map::new();
    let text = if status == 202 { "It is being done; the events say how it went" } else { "It went well" };
    let answer = match status {
        308 => {
            json!({ "description": "It is elsewhere", "headers": { "Location": { "schema": { "type": "string" } } } })
        }
        // One answer has two forms.
        _ if schema == Some("Report") => {
            json!({ "description": text, "content": { media: content, "text/csv": {} } })
        }
        _ => json!({ "description": text, "content": { media: content } }),
    };
    responses.insert(status.to_string(), answer);
    for status in problems_of(route) {
        let reference = format!("#/components/responses/Problem{status}");
        responses.insert(status.to_string(), json!({ "$ref": reference }));
    }
    let index = if route.path.ends_with('/') { "index" } else { "" };
    let name = format!("{} {}{index}", route.method.as_str().to_ascii_lowercase(), route.path);
    let id =
        name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty() && *part != "v1");
    let mut operation = json!({ "summary": summary, "operationId": id.collect::<Vec<_>>().join("_"), "responses": responses });
    let mut parameters: Vec<Value> = query.iter().map(query_parameter).collect();
    if route.method != Method::GET {
        parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    operation["parameters"] = parameters.into();
    if let Some(schema) = body {
        let media = if schema == "ContactsFile" { "text/csv" } else { "application/json" };
        operation["requestBody"] = json!({ "content": { media: { "schema": reference(schema) } } });
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

fn query_parameter((name, meaning): &(&str, &str)) -> Value {
    let schema = match *name {
        "after" => json!({ "type": "string", "pattern": "^[0-9]{1,19}$" }),
        "limit" => json!({ "type": "integer", "minimum": 1 }),
        "links" => json!({ "type": "string", "enum": ["up"] }),
        "interval" => json!({ "type": "string", "enum": ["15m", "30m", "1h", "1d"], "default": "1d" }),
        "format" => json!({ "type": "string", "enum": ["json", "csv"] }),
        _ => json!({ "type": "string" }),
    };
    json!({ "name": name, "in": "query", "description": meaning, "schema": schema })
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
