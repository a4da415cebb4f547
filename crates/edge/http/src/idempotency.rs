//! `Idempotency-Key`: a request repeated under the same key is answered as it was the first time, and done once.
//!
//! The key belongs to the token, the method and the path; the same key with another body is refused with `422`. A
//! request that comes while the first is still at work waits for its answer. Answers of 5xx are not remembered, so
//! that a retry can do better.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::{access::Grant, input, problem::Problem, state::AppState};

/// The longest key that is taken, in bytes.
const LONGEST_KEY: usize = 255;

/// Token, method, path and key, hashed together.
type Key = [u8; 32];

/// Remembered answers, bounded in number and in age.
#[derive(Debug)]
pub(crate) struct Answers<T> {
    most: usize,
    keep: Duration,
    memory: Mutex<Memory<T>>,
}

#[derive(Debug)]
struct Memory<T> {
    by_key: HashMap<Key, Arc<Slot<T>>>,
    /// In order of first sight, which is the order of expiry.
    order: VecDeque<(Instant, Key)>,
}

/// The place of one answer. Whoever holds the lock does the work; others wait for it.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    body: [u8; 32],
    pub(crate) answer: tokio::sync::Mutex<Option<T>>,
}

/// An answer, to be given again.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

impl<T> Answers<T> {
    pub(crate) fn new(most: usize, keep: Duration) -> Self {
        Self { most, keep, memory: Mutex::new(Memory { by_key: HashMap::new(), order: VecDeque::new() }) }
    }

    /// The slot of a key: the one it has, or a new one.
    pub(crate) fn slot(&self, key: Key, body: [u8; 32]) -> Arc<Slot<T>> {
        self.slot_at(key, body, Instant::now())
    }

    fn slot_at(&self, key: Key, body: [u8; 32], now: Instant) -> Arc<Slot<T>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        while memory.order.front().is_some_and(|(since, _)| now >= *since + self.keep) {
            memory.forget_oldest();
        }
        if let Some(slot) = memory.by_key.get(&key) {
            return Arc::clone(slot);
        }
        while memory.order.len() >= self.most.max(1) {
            memory.forget_oldest();
        }
        let slot = Arc::new(Slot { body, answer: tokio::sync::Mutex::new(None) });
        memory.by_key.insert(key, Arc::clone(&slot));
        memory.order.push_back((now, key));
        slot
    }
}

impl<T> Memory<T> {
    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.by_key.remove(&key);
        }
    }
}

/// Answers a repeated request from memory.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match key_of(request.headers()) {
        Ok(None) => next.run(request).await,
        // Work that was begun is brought to its end and remembered even if the client goes away while it waits: that
        // is when the repetition comes.
        Ok(Some(key)) => match tokio::spawn(once(state, key, request, next)).await {
            Ok(response) => response,
            Err(_) => Problem::fault().into_response(),
        },
        Err(problem) => problem.into_response(),
    }
}

async fn once(state: AppState, key: String, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = match input::read(Request::new(body), &state).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let mut hash = Sha256::new();
    let token = parts.extensions.get::<Grant>().map(|grant| *grant.token.hash.bytes()).unwrap_or_default();
    hash.update(token);
    for part in [parts.method.as_str(), parts.uri.path(), &key] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let print = Sha256::digest(&bytes).into();
    let slot = state.answers().slot(hash.finalize().into(), print);
    if slot.body != print {
        return Problem::invalid(
            "this Idempotency-Key was used for another request",
            "a new request needs a new key",
        )
        .into_response();
    }
    let mut answer = slot.answer.lock().await;
    if let Some(saved) = &*answer {
        let mut response = saved.clone().into_response();
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        return response;
    }
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    let (parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if !parts.status.is_server_error() {
        let content_type = parts.headers.get(header::CONTENT_TYPE).cloned();
        *answer = Some(Saved { status: parts.status, content_type, body: body.clone() });
    }
    Response::from_parts(parts, Body::from(body))
}

impl Saved {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        if let Some(content_type) = self.content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        response
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=LONGEST_KEY).contains(&text.len()) => Ok(Some(text.to_owned())),
        _ => Err(Problem::request(format!("an Idempotency-Key is 1 to {LONGEST_KEY} visible characters"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_go_first_by_number_and_by_age() {
        let answers = Answers::<()>::new(2, Duration::from_secs(60));
        let now = Instant::now();
        let slot = |n: u8| answers.slot_at([n; 32], [0; 32], now);
        let first = slot(1);
        let second = slot(2);
        assert!(Arc::ptr_eq(&first, &slot(1)), "remembered while there is room");
        slot(3);
        assert!(Arc::ptr_eq(&second, &slot(2)));
        assert!(!Arc::ptr_eq(&first, &slot(1)), "the oldest made room");
        answers.slot_at([4; 32], [0; 32], now + Duration::from_secs(60));
        assert_eq!(answers.memory.lock().unwrap().by_key.len(), 1, "all others were too old");
    }
}
