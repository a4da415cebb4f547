//! The links to the PBXs: what a lost and found link means for calls, agents and Rings.

use hookswitch_model::{
    CallId, PbxId, Timestamp,
    event::{EventKind, Gap, LinkState},
};
use serde::{Deserialize, Serialize};

use super::Engine;

/// A link, as the engine knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Link {
    up: bool,
    version: Option<String>,
    since: Option<Timestamp>,
    /// When the last fact came that was seen happening.
    seen: Option<Timestamp>,
    /// Since when nothing was seen, while the link is down.
    gap_from: Option<Timestamp>,
}

impl Link {
    /// Whether the PBX can be asked and is seen.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// Since when it is as it is; none: it was never up.
    pub(crate) const fn since(&self) -> Option<Timestamp> {
        self.since
    }
}

/// A link, for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The PBX.
    pub pbx: PbxId,
    /// Connected and listed, or not.
    pub state: LinkState,
    /// Since when; none: it was never up.
    pub since: Option<Timestamp>,
    /// What answered there last.
    pub version: Option<String>,
}

impl LinkStatus {
    /// The status of a link.
    pub(super) fn of(pbx: &PbxId, link: &Link) -> Self {
        let state = if link.up { LinkState::Up } else { LinkState::Down };
        Self { pbx: pbx.clone(), state, since: link.since, version: link.version.clone() }
    }
}

/// What a link that is up again says of the time without it.
pub(super) struct Back {
    pub(super) version: String,
    pub(super) restarted: bool,
    pub(super) gap_from: Option<Timestamp>,
    pub(super) recovered_calls: u32,
}

impl Engine {
    /// Something was seen happening on this PBX.
    pub(super) fn link_alive(&mut self, pbx: &PbxId) {
        let now = self.now();
        if let Some(link) = self.links.get_mut(pbx) {
            link.seen = Some(now);
        }
    }

    /// The link works and the PBX has been listed.
    pub(super) fn link_up(&mut self, pbx: &PbxId, back: Back) {
        let now = self.now();
        self.life.stopping = false;
        let link = self.links.entry(pbx.clone()).or_default();
        let before = if link.up { link.seen } else { link.gap_from };
        let gap_from = back.gap_from.or(before);
        *link =
            Link { up: true, version: Some(back.version), since: Some(now), seen: Some(now), gap_from: None };
        let gap = gap_from.map(|from| Gap { from, to: now, recovered_calls: back.recovered_calls });
        let state = if gap.is_some() { LinkState::Resynchronised } else { LinkState::Up };
        self.emit(Some(pbx.clone()), EventKind::PbxLink { pbx: pbx.clone(), state, gap });
        let calls: Vec<CallId> =
            self.calls.live().filter(|record| record.call.pbx == *pbx).map(|record| record.call.id).collect();
        for call in calls {
            self.look_after_gap(call, back.restarted, gap_from);
        }
        for agent in self.agents.on(pbx) {
            self.sync_availability(&agent);
        }
    }

    /// A call the lists left standing. One from before a restart of the PBX cannot be: it was not told only because
    /// there was nothing left to compare.
    fn look_after_gap(&mut self, id: CallId, restarted: bool, gap_from: Option<Timestamp>) {
        let now = self.now();
        let Some(record) = self.calls.get_mut(id) else { return };
        if restarted && gap_from.is_some_and(|from| record.last_seen <= from) {
            self.give_up(id, "the PBX was restarted", true);
            return;
        }
        record.last_seen = now;
        record.probes.clear();
        record.all_legs_seen(now);
        self.settle_ring_after_gap(id);
        self.wait_again_after_stop(id);
        self.leave_after_gap(id);
    }

    /// The link is lost. Nothing is asked until it is back; offers run into their deadlines.
    pub(super) fn link_down(&mut self, pbx: &PbxId) {
        let now = self.now();
        let link = self.links.entry(pbx.clone()).or_default();
        if !std::mem::replace(&mut link.up, false) {
            return;
        }
        link.since = Some(now);
        link.gap_from = link.seen.or(Some(now));
        self.emit(
            Some(pbx.clone()),
            EventKind::PbxLink { pbx: pbx.clone(), state: LinkState::Down, gap: None },
        );
        for agent in self.agents.on(pbx) {
            self.sync_availability(&agent);
        }
    }
}
