//! Local channels: a pair of halves, one dialled, one in a dialplan of its own.

use crate::pbx::channel::{ChannelState, Dialler, Location, Party, Work};
use crate::pbx::events::NewChannel;
use crate::pbx::{LegId, Pbx};

impl Pbx {
    /// Makes the pair for `Local/exten@context`; the first half is returned. Without media, as here, Asterisk keeps a
    /// pair that could be optimised away.
    pub(super) fn create_local(
        &mut self,
        parent: LegId,
        (exten, context): (&str, &str),
        kept: bool,
        dialler: Dialler,
    ) -> LegId {
        let (caller, linkedid, inherited) = match self.channels.get(&parent) {
            Some(parent) => (parent.caller.clone(), Some(parent.linkedid.clone()), parent.inherited()),
            None => (Party::default(), None, Vec::new()),
        };
        let number = self.local_count;
        self.local_count += 1;
        let half = |side: u8, state, work| {
            let name = format!("Local/{exten}@{context}-{number:08x};{side}");
            let new = NewChannel {
                endpoint: String::new(),
                uniqueid: None,
                linkedid: linkedid.clone(),
                state,
                caller: Party::default(),
                place: Location::new(context, exten, 1),
                work,
            };
            (name, new)
        };
        let (name, new) = half(1, ChannelState::Down, Work::Outgoing(dialler));
        let first = self.add_channel(name, None, new);
        let (name, new) = half(2, ChannelState::Ring, Work::Executing);
        let second = self.add_channel(name, None, new);
        if let Some(channel) = self.channels.get_mut(&first) {
            channel.local_peer = Some(second);
        }
        if let Some(channel) = self.channels.get_mut(&second) {
            channel.local_peer = Some(first);
            channel.variables = inherited;
            channel.caller = caller;
            channel.dialled = exten.to_owned();
        }
        let mut message = self.event("LocalBridge", crate::message::Classes::CALL);
        self.write_channel(&mut message, "LocalOne", first);
        self.write_channel(&mut message, "LocalTwo", second);
        message
            .put("Context", context)
            .put("Exten", exten)
            .put("LocalOptimization", if kept { "No" } else { "Yes" });
        self.publish(message);
        first
    }

    /// The other half of a pair has ended: so does this one.
    pub(super) fn local_half_is_gone(&mut self, leg: LegId, cause: u16) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        channel.local_peer = None;
        channel.cause = cause;
        self.tell_hangup_request(leg, Some(cause), None);
        self.end_leg(leg);
    }
}
