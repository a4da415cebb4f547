//! Answers put together from finished JSON: lists, the snapshot, the id of an action.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;

use crate::{
    access::Grant,
    backend::{CallJson, List, Snapshot},
    routes::Taken,
};

/// JSON that nobody may keep: it is out of date at once.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, body.into()).into_response()
}

/// `{"items":[…],"sequence":"…"}`.
pub(crate) fn list(list: &List) -> Response {
    let mut body = Vec::with_capacity(64 + size(&list.items));
    body.extend(b"{\"items\":");
    array(&mut body, &list.items);
    body.extend(format!(",\"sequence\":\"{:020}\"}}", list.sequence).as_bytes());
    json(body)
}

/// `{"sequence","calls":[…],"agents":[…],"queues":[…],"pbx":[…],"callbacks":[…]}`, with the calls and call-backs the
/// token may see.
pub(crate) fn snapshot(snapshot: Snapshot, grant: &Grant) -> Vec<u8> {
    let (calls, callbacks) = (seen(snapshot.calls, grant), seen(snapshot.callbacks, grant));
    let lists = [
        ("calls", &calls),
        ("agents", &snapshot.agents),
        ("queues", &snapshot.queues),
        ("pbx", &snapshot.pbx),
        ("callbacks", &callbacks),
    ];
    let mut body = Vec::with_capacity(128 + lists.iter().map(|(_, items)| size(items)).sum::<usize>());
    body.extend(format!("{{\"sequence\":\"{:020}\"", snapshot.sequence).as_bytes());
    for (name, items) in lists {
        body.extend(format!(",\"{name}\":").as_bytes());
        array(&mut body, items);
    }
    body.push(b'}');
    body
}

/// The calls a token may see.
pub(crate) fn seen(calls: Vec<CallJson>, grant: &Grant) -> Vec<Bytes> {
    calls.into_iter().filter_map(|call| one_seen(call, grant)).collect()
}

/// The call, if the token may see it. From an agent a number stays withheld that the caller withheld.
pub(crate) fn one_seen(call: CallJson, grant: &Grant) -> Option<Bytes> {
    match grant.scope() {
        None => Some(call.json),
        Some(own) if call.agents.contains(own) => Some(hookswitch_wire::without_withheld_number(&call.json)),
        Some(_) => None,
    }
}

/// `202 {"action":"…","call":"…"}`: it is being done, the events say how it went. `call` or `callback` where one was
/// begun.
pub(crate) fn accepted(taken: Taken) -> Response {
    let Taken { action, call, callback } = taken;
    let call = call.map_or_else(String::new, |call| format!(",\"call\":\"{call}\""));
    let callback = callback.map_or_else(String::new, |callback| format!(",\"callback\":\"{callback}\""));
    let mut response = json(format!("{{\"action\":\"{action}\"{call}{callback}}}"));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn size(items: &[Bytes]) -> usize {
    items.iter().map(|item| item.len() + 1).sum()
}

/// Appends an array of finished JSON.
pub(crate) fn array(body: &mut Vec<u8>, items: &[Bytes]) {
    body.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(item);
    }
    body.push(b']');
}
