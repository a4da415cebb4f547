//! The daemon, as HTTP sees it: questions to the dispatcher, answered as finished JSON.

use std::sync::Arc;

use bytes::Bytes;
use hookswitch_acd::Engine;
use hookswitch_http::{
    Administration, Backend, BackendGone, CallJson, CallbacksWanted, Contacts, LinkReadiness, List, Pieces,
    Readiness, Reply, ReportRefused, ReportWish, Snapshot,
};
use hookswitch_model::{
    AgentId, CallId, CallbackId, PbxId, QueueId,
    agent::Agent,
    call::Call,
    callback::Callback,
    command::{Answer, Command},
};
use hookswitch_publish::Webhooks;
use hookswitch_wire::object;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use super::{
    configuration::Configuration,
    core::{At, Core, JournalStatus},
    customers::Desk,
    reports::{Known, Reports},
};
use crate::links::LinkStatus;

/// Answers HTTP.
pub(super) struct Daemon {
    pub(super) core: Core,
    pub(super) webhooks: Webhooks,
    pub(super) metrics: PrometheusHandle,
    pub(super) links: Vec<(PbxId, LinkStatus)>,
    pub(super) journal: JournalStatus,
    pub(super) configuration: Arc<Configuration>,
    pub(super) customers: Desk,
    pub(super) reports: Reports,
}

impl Daemon {
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine, At) -> T + Send + 'static,
    ) -> Reply<'_, T> {
        Box::pin(async move { self.core.ask(question).await.ok_or(BackendGone) })
    }
}

impl Backend for Daemon {
    fn snapshot(&self) -> Reply<'_, Snapshot> {
        self.ask(|engine, at| Snapshot {
            sequence: at.sequence,
            calls: engine.calls().map(call_json).collect(),
            agents: engine.agents().map(|agent| json(&object::Agent::from(agent))).collect(),
            queues: engine.queues(at.now).map(|queue| json(&object::Queue::from(&queue))).collect(),
            pbx: engine.links().map(|link| json(&object::Link::new(&link.pbx, link.state, None))).collect(),
            callbacks: pending(engine).collect(),
        })
    }

    fn calls(&self) -> Reply<'_, List<CallJson>> {
        self.ask(|engine, at| List { sequence: at.sequence, items: engine.calls().map(call_json).collect() })
    }

    fn call(&self, id: CallId) -> Reply<'_, Option<CallJson>> {
        self.ask(move |engine, _| engine.call(id).map(call_json))
    }

    fn why(&self, id: CallId) -> Reply<'_, Option<CallJson>> {
        self.ask(move |engine, _| {
            let agents = engine.call(id).map(whose).unwrap_or_default();
            engine.why(id).map(|why| CallJson { agents, json: json(&object::Why::from(why)) })
        })
    }

    fn agents(&self) -> Reply<'_, List> {
        self.ask(|engine, at| List {
            sequence: at.sequence,
            items: engine.agents().map(|agent| agent_json(engine, agent, at)).collect(),
        })
    }

    fn agent(&self, id: AgentId) -> Reply<'_, Option<Bytes>> {
        self.ask(move |engine, at| engine.agent(&id).map(|agent| agent_json(engine, agent, at)))
    }

    fn why_idle(&self, id: AgentId) -> Reply<'_, Option<Bytes>> {
        self.ask(move |engine, at| engine.why_idle(&id, at.now).map(|why| json(&object::WhyIdle::from(&why))))
    }

    fn queues(&self) -> Reply<'_, List> {
        self.ask(|engine, at| List {
            sequence: at.sequence,
            items: engine.queues(at.now).map(|queue| json(&object::Queue::from(&queue))).collect(),
        })
    }

    fn queue(&self, id: QueueId) -> Reply<'_, Option<Bytes>> {
        self.ask(move |engine, at| engine.queue(&id, at.now).map(|queue| json(&object::Queue::from(&queue))))
    }

    fn callbacks(&self, wanted: CallbacksWanted) -> Reply<'_, List> {
        self.ask(move |engine, at| {
            let is_wanted = |callback: &&Callback| {
                wanted.queue.as_ref().is_none_or(|queue| *queue == callback.queue)
                    && wanted.state.is_none_or(|state| state == callback.state)
            };
            let items = engine.callbacks().filter(is_wanted).map(|callback| callback_json(engine, callback));
            List { sequence: at.sequence, items: items.collect() }
        })
    }

    fn callback(&self, id: CallbackId) -> Reply<'_, Option<Bytes>> {
        self.ask(move |engine, _| engine.callback(id).map(|callback| callback_json(engine, callback)))
    }

    fn report(&self, wish: ReportWish) -> Reply<'_, Result<Pieces, ReportRefused>> {
        Box::pin(async move {
            let known = self.core.ask(|engine, at| Known::of(engine, at.now, at.sequence)).await;
            Ok(self.reports.make_apart(wish, known.ok_or(BackendGone)?).await)
        })
    }

    fn command(&self, command: Command) -> Reply<'_, Answer> {
        Box::pin(async move { self.core.command(command).await.ok_or(BackendGone) })
    }

    fn webhooks(&self) -> Reply<'_, List> {
        let webhooks = self.webhooks.clone();
        self.ask(move |_, at| List {
            sequence: at.sequence,
            items: webhooks.list().iter().map(json).collect(),
        })
    }

    fn deliveries(&self, webhook: String) -> Reply<'_, Option<List>> {
        let webhooks = self.webhooks.clone();
        self.ask(move |_, at| {
            let items = webhooks.deliveries(&webhook)?.iter().map(json).collect();
            Some(List { sequence: at.sequence, items })
        })
    }

    fn replay(&self, webhook: String, after: u64) -> Reply<'_, bool> {
        Box::pin(async move { Ok(self.webhooks.replay(&webhook, after)) })
    }

    fn administration(&self) -> &dyn Administration {
        &*self.configuration
    }

    fn contacts(&self) -> Option<&dyn Contacts> {
        Some(&self.customers)
    }

    fn readiness(&self) -> Readiness {
        let links = self.links.iter().map(|(name, status)| LinkReadiness {
            name: name.to_string(),
            tried: status.tried(),
            up: status.up(),
        });
        Readiness { journal: self.journal.state(), links: links.collect() }
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }
}

/// An agent with what it did of late.
fn agent_json(engine: &Engine, agent: &Agent, at: At) -> Bytes {
    json(&object::Agent::from(agent).with(engine.figures(&agent.id, at.now)))
}

fn callback_json(engine: &Engine, callback: &Callback) -> Bytes {
    json(&object::Callback::from(callback).at(engine.callback_position(callback.id)))
}

/// Call-backs that are not over, with who tries each or is to be asked first.
fn pending(engine: &Engine) -> impl Iterator<Item = CallJson> + '_ {
    let pending = engine.callbacks().filter(|callback| !callback.state.is_over());
    pending.map(|callback| {
        let tries = callback.call.and_then(|call| engine.call(call)).map(whose);
        let agents = tries.into_iter().flatten().chain(callback.agent.clone()).collect();
        CallJson { agents, json: callback_json(engine, callback) }
    })
}

fn call_json(call: &Call) -> CallJson {
    CallJson { agents: whose(call), json: json(&object::Call::from(call)) }
}

/// Whose call it is, as in the stream: of a live one who is in it, of one that is over who was.
fn whose(call: &Call) -> Vec<AgentId> {
    match call.ended_at {
        None => call.own_agents(),
        Some(_) => call.legs.iter().filter_map(|leg| leg.agent.clone()).collect(),
    }
}

/// Objects of `wire` hold no map with keys that are no strings, the only thing that could fail.
fn json<T: Serialize>(object: &T) -> Bytes {
    serde_json::to_vec(object).unwrap_or_default().into()
}
