//! The whole configuration, and what the engine gets of it.

use std::{collections::BTreeMap, path::Path};

use hookswitch_model::{
    MenuId, QueueId,
    setup::{
        AlertSetup, CalendarSetup, LookupSetup, MenuSetup, OutboundSetup, PbxSetup, PopSetup, PopWhen, Setup,
    },
};

use crate::{
    Agent, Alias, Auth, Crm, Journal, Numbers, Pbx, PbxKind, Problem, Queue, Route, Server, Severity, Token,
    Webhook, source::Origin,
};

/// A configuration that was read and checked.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[journal]`.
    pub journal: Journal,
    /// `[numbers]`.
    pub numbers: Numbers,
    /// `[auth]`.
    pub auth: Auth,
    /// `[[pbx]]`.
    pub pbxs: Vec<Pbx>,
    /// `[[agent]]`.
    pub agents: Vec<Agent>,
    /// `[[queue]]`.
    pub queues: Vec<Queue>,
    /// `[[route]]`, first match wins.
    pub routes: Vec<Route>,
    /// `[calendar.*]`.
    pub calendars: BTreeMap<String, CalendarSetup>,
    /// `[list.*]`.
    pub lists: BTreeMap<String, Vec<String>>,
    /// `[menu.*]`.
    pub menus: BTreeMap<MenuId, MenuSetup>,
    /// `[crm]`.
    pub crm: Crm,
    /// `[[webhook]]`.
    pub webhooks: Vec<Webhook>,
    /// `[[token]]`.
    pub tokens: Vec<Token>,
    /// `[[alias]]`.
    pub aliases: Vec<Alias>,
    /// What somebody should look at, though the configuration can be used.
    pub warnings: Vec<Problem>,
    pub(crate) origin: Origin,
}

impl Config {
    /// What the engine routes by, under this version.
    #[must_use]
    pub fn setup(&self, version: u64) -> Setup {
        Setup {
            version,
            pbxs: self.pbxs.iter().map(pbx).collect(),
            agents: self.agents.iter().map(|agent| agent.setup.clone()).collect(),
            queues: self.queues.iter().map(|queue| queue.setup.clone()).collect(),
            routes: self.routes.iter().map(|route| route.setup.clone()).collect(),
            calendars: self.calendars.clone(),
            outbound: OutboundSetup {
                ring_timeouts: self.pbxs.iter().map(|pbx| (pbx.name.clone(), pbx.ring_timeout)).collect(),
                ..self.numbers.outbound.clone()
            },
            lookup: self.crm.lookup.as_ref().map(|lookup| LookupSetup { route_wait: lookup.route_wait }),
            pops: PopSetup { when: self.crm.pop.when, queues: self.pops_of_queues() },
            replaced: self
                .queues
                .iter()
                .flat_map(|queue| queue.replaces.iter().map(|old| (old.clone(), queue.setup.id.clone())))
                .collect(),
            lists: self.lists.clone(),
            menus: self.menus.clone(),
            alerts: self.alerts_of_queues(),
        }
    }

    fn pops_of_queues(&self) -> BTreeMap<QueueId, PopWhen> {
        self.queues.iter().filter_map(|queue| Some((queue.setup.id.clone(), queue.pop?))).collect()
    }

    fn alerts_of_queues(&self) -> BTreeMap<QueueId, Vec<AlertSetup>> {
        let watched = self.queues.iter().filter(|queue| !queue.alerts.is_empty());
        watched.map(|queue| (queue.setup.id.clone(), queue.alerts.clone())).collect()
    }

    /// The files it was read from, in the order they were opened.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.origin.sources.iter().map(|(_, source)| source.path.as_path())
    }

    /// A problem at a key of this configuration, for checks that only the daemon can make. The key is as in the
    /// sections' `key` fields: `pbx[0].fallback`; when it is not in a file, the closest table around it is meant.
    #[must_use]
    pub fn problem(&self, severity: Severity, key: &str, message: &str, hint: &str) -> Problem {
        self.origin.sources.problem(severity, self.origin.span(key), key, message.to_owned(), hint.to_owned())
    }
}

/// A PBX, as the engine knows it. Where we are the PBX ourselves, voice passes us by: nothing can be recorded.
fn pbx(pbx: &Pbx) -> PbxSetup {
    let records = matches!(pbx.kind, PbxKind::Asterisk(_));
    PbxSetup { name: pbx.name.clone(), mode: pbx.mode, records }
}
