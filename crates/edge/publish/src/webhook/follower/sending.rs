//! What a webhook sends for an event: the event itself, or what its preset makes of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hookswitch_journal::Entry;
use hookswitch_wire::{prev_at, splice_prev};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{
        delivery::Lane,
        plan::Job,
        preset::{Dialect, Judge, Mark, Occasion, Prepared},
        transport::{Post, Shape, Transport},
    },
    Follower,
};
use crate::hub::now;

/// What is to be sent for an event.
pub(super) struct ToSend {
    pub(super) post: Post,
    pub(super) judge: Arc<Judge>,
    pub(super) mark: Option<Mark>,
}

impl<T: Transport> Follower<T> {
    pub(super) fn preset(&self) -> &str {
        self.settings.dialect.as_ref().map_or("", Dialect::name)
    }

    /// Whether anything is told of this event.
    pub(super) fn wants(&self, entry: &Entry) -> bool {
        let of_the_preset = || {
            let meta = entry.record.meta.as_ref();
            let dialect = self.settings.dialect.as_ref();
            dialect.is_none_or(|dialect| meta.is_some_and(|meta| dialect.wants(&meta.type_name)))
        };
        self.filter.wants(entry) && of_the_preset()
    }

    /// How long an event waits for those that are told with it.
    pub(super) fn gathers(&self, entry: &Entry) -> Duration {
        let meta = entry.record.meta.as_ref();
        let dialect = self.settings.dialect.as_ref();
        dialect.zip(meta).map_or(Duration::ZERO, |(dialect, meta)| dialect.gathers(&meta.type_name))
    }

    /// What is to be sent next for an event; none when nothing is.
    pub(super) fn to_send(&self, job: &Job) -> Result<Option<ToSend>, String> {
        let Some(dialect) = &self.settings.dialect else {
            let post = Post { id: job.event.clone(), at: now(), body: self.body(job)?, shape: None };
            return Ok(Some(ToSend { post, judge: Arc::clone(&self.judge), mark: None }));
        };
        let Lane::Call(call) = job.lane else { return Ok(None) };
        let read = |bytes: &Bytes| serde_json::from_slice::<Value>(bytes).map_err(|error| error.to_string());
        let event = read(&job.payload)?;
        let ahead: Vec<_> = {
            let state = self.shared.lock();
            let behind = state.plan.behind(job.seq).filter_map(|bytes| read(bytes).ok());
            behind.take_while(|other| dialect.is_told_with(&event, other)).collect()
        };
        let told = self.told.of(call);
        let url = &self.settings.url;
        let occasion = Occasion { seq: job.seq, event: &event, ahead: &ahead, told: &told, url };
        let Some(Prepared { mark, name, method, url, headers, body, mut judge }) = dialect.next(occasion)?
        else {
            return Ok(None);
        };
        if let Some(ok_if) = &self.settings.ok_if {
            judge.tests.ok_if = Some(ok_if.clone());
        }
        let shape = Some(Shape { method, url, headers, reads_body: judge.reads_body() });
        // Several messages may come of one event: each has an id of its own, the same at each attempt.
        let post = Post { id: format!("{}.{}", job.event, name.replace(' ', "-")), at: now(), body, shape };
        Ok(Some(ToSend { post, judge: Arc::new(judge), mark: Some(mark) }))
    }

    fn body(&self, job: &Job) -> Result<Bytes, String> {
        let event = match (job.prev, prev_at(&job.payload)) {
            (Some(prev), Some(at)) => splice_prev(&job.payload, at, prev),
            (Some(_) | None, _) => job.payload.clone(),
        };
        let Some(template) = &self.settings.template else { return Ok(event) };
        let event: Value = serde_json::from_slice(&event).map_err(|error| error.to_string())?;
        template.render(&event).map(Bytes::from).map_err(|error| error.to_string())
    }

    /// Forgets what was told of a call once its end is settled.
    pub(super) fn forget(&mut self, job: &Job) {
        if let Lane::Call(call) = job.lane
            && self.settings.dialect.is_some()
            && is_end(&job.payload)
            && !self.shared.lock().plan.has(job.seq)
        {
            self.told.forget(call);
        }
    }
}

/// Whether these are the bytes of a `call.ended`.
fn is_end(payload: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow)]
        name: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice(payload).is_ok_and(|kind: Kind<'_>| kind.name == "call.ended")
}
