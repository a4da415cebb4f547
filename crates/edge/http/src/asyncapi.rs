//! `/asyncapi.json`: the stream, AsyncAPI 3.0. Every type of event with what its `data` holds; the objects in it are
//! those of `/openapi.json`.

use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::{
    openapi, render,
    route::{Doc, Route, Who},
};

/// The types of events, kept by hand beside the contract's table; a test reads the wire's own samples against it.
const EVENTS: &str = include_str!("asyncapi/events.json");

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get(
        "/asyncapi.json",
        Who::Anybody,
        Doc::media("The stream of events, described", "application/json"),
        async || -> Response { render::json(description().to_string()) },
    )]
}

/// AsyncAPI 3.0 of `GET /v1/events`.
fn description() -> Value {
    let table: Value = serde_json::from_str(EVENTS).expect("a test reads the file");
    let (mut messages, mut components, mut schemas) = (Map::new(), Map::new(), openapi::objects());
    schemas.extend(table["schemas"].as_object().cloned().unwrap_or_default());
    for event in table["events"].as_array().into_iter().flatten() {
        let kind = event["type"].as_str().unwrap_or_default();
        let name = kind.replace('.', "_");
        messages.insert(name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
        components.insert(name, message(kind, event));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hookswitch events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One ordered stream; WebSocket, SSE, JSON pages and webhooks carry the same events in the \
                same order. `sequence` is the cursor to resume by, `prev` the sequence of the event before under the \
                same filter: a reader that checks the chain knows that nothing is missing.",
        },
        "defaultContentType": "application/json",
        "channels": { "events": {
            "address": "/v1/events",
            "summary": "A WebSocket on upgrade (one CloudEvent a text frame), SSE on Accept: text/event-stream",
            "messages": messages,
            "bindings": { "ws": {
                "method": "GET",
                "query": { "type": "object", "properties": {
                    "after": { "type": "string", "pattern": "^[0-9]{1,20}$" },
                    "types": { "type": "string", "description": "`call.ended,agent.*`" },
                    "agent": { "type": "string" },
                    "queue": { "type": "string" },
                    "access_token": { "type": "string", "description": "From POST /v1/session" },
                } },
                "bindingVersion": "0.1.0",
            } },
        } },
        "operations": { "readEvents": {
            "action": "receive",
            "channel": { "$ref": "#/channels/events" },
            "summary": "Read events from a cursor on",
        } },
        "components": { "messages": components, "schemas": schemas },
    })
}

/// One type of event: the envelope with this type and this data.
fn message(kind: &str, event: &Value) -> Value {
    let own = json!({ "type": "object", "properties": { "type": { "const": kind }, "data": event["data"] } });
    json!({
        "name": kind,
        "title": kind,
        "summary": event["summary"],
        "contentType": "application/json",
        "payload": { "allOf": [{ "$ref": "#/components/schemas/Event" }, own] },
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// The samples of the wire format, one a type.
    fn samples() -> Vec<(String, Value)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/wire/tests/expected");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let events = paths.filter_map(|path| {
            let name = path.file_stem()?.to_str()?.to_owned();
            let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            name.contains('.').then_some((name, value))
        });
        events.collect()
    }

    #[test]
    fn every_type_of_the_wire_is_described_with_exactly_its_members() {
        let table: Value = serde_json::from_str(EVENTS).unwrap();
        let described = table["events"].as_array().unwrap();
        let samples = samples();
        assert!(samples.len() >= 20, "{}", samples.len());
        for (kind, sample) in &samples {
            let event = described.iter().find(|event| event["type"] == **kind);
            let event = event.unwrap_or_else(|| panic!("{kind} is not described"));
            let members: BTreeSet<&String> = sample["data"].as_object().unwrap().keys().collect();
            let known: BTreeSet<&String> = event["data"]["properties"].as_object().unwrap().keys().collect();
            assert_eq!(members, known, "{kind}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let description = description();
        let text = description.to_string();
        let references = text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
        let mut count = 0;
        for reference in references {
            assert!(description.pointer(reference).is_some(), "{reference}");
            count += 1;
        }
        assert!(count > 60, "{count}");
    }
}
