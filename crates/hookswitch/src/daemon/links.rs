//! The links to the PBXs, of either kind: made before anything runs, so that what is wrong stops the start.

use std::{collections::BTreeMap, pin::Pin};

use hookswitch_config::Config;
use hookswitch_model::{PbxId, Timestamp, pbx::PbxAction};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Clock, Core, dispatcher::Link, machine::Machine, settings};
use crate::links::{
    AsteriskLink, LinkStatus,
    sip::{SipLink, Told},
};

/// Actions on the way to one link.
const ACTIONS: usize = 1_024;

/// What a link does until it is stopped.
pub(super) type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// All links.
pub(super) struct Links {
    /// To be run each on a thread of its own: an action must not wait until an event is written to hundreds of readers,
    /// and what sockets, timers and switch of a SIP queue server hand on has nobody to wake.
    pub(super) runs: Vec<(PbxId, Run)>,
    /// What readiness asks.
    pub(super) statuses: Vec<(PbxId, LinkStatus)>,
    /// Where actions go.
    pub(super) actions: Vec<Link>,
    /// What SIP queue servers are told when the configuration changes.
    pub(super) switches: Switches,
}

/// SIP queue servers, which take over most of another configuration at once.
#[derive(Debug, Default)]
pub(super) struct Switches(BTreeMap<PbxId, watch::Sender<Told>>);

impl Switches {
    /// Another configuration is in force. One that listens elsewhere, or is new, does so after the next start.
    pub(super) fn tell(&self, settings: BTreeMap<PbxId, Told>) {
        for (pbx, settings) in settings {
            if let Some(told) = self.0.get(&pbx) {
                told.send_replace(settings);
            }
        }
    }
}

impl Links {
    /// Makes the links of a configuration.
    pub(super) fn new(
        config: &Config,
        machine: &Machine,
        (core, clock): (&Core, Clock),
        away_since: Option<Timestamp>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut links = Self {
            runs: Vec::new(),
            statuses: Vec::new(),
            actions: Vec::new(),
            switches: Switches::default(),
        };
        for link in settings::links(config)? {
            let pbx = link.session.pbx.clone();
            let (status, inbox) = links.add(&pbx, false);
            let link = AsteriskLink::new(link, core.clone(), clock, status);
            let run = link.run(machine.open_actions(&pbx), away_since, inbox, stop.clone());
            links.runs.push((pbx, Box::pin(run)));
        }
        for link in settings::sip::links(config)? {
            let pbx = link.pbx.clone();
            let (status, inbox) = links.add(&pbx, true);
            let (told, changes) = watch::channel(link.told.clone());
            let link = SipLink::new(link, core.clone(), clock, status)?;
            let run = link.run(machine.open_actions(&pbx), away_since, inbox, changes, stop.clone());
            links.runs.push((pbx.clone(), Box::pin(run)));
            links.switches.0.insert(pbx, told);
        }
        Ok(links)
    }

    fn add(&mut self, pbx: &PbxId, patient: bool) -> (LinkStatus, mpsc::Receiver<PbxAction>) {
        let (actions, inbox) = mpsc::channel(ACTIONS);
        let status = LinkStatus::default();
        self.statuses.push((pbx.clone(), status.clone()));
        self.actions.push(Link { pbx: pbx.clone(), actions, patient });
        (status, inbox)
    }
}
