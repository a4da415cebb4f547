//! The parking lot (`res_parking`): 700 parks, 701 to 720 fetch.

use crate::config::{MILLISECOND, Micros, SECOND};
use crate::message::{Classes, Message};
use crate::pbx::channel::{Location, Work};
use crate::pbx::{BridgeKind, LegId, News, Pbx};

/// The extensions that `res_parking` adds to the dialplan by itself.
pub(super) const PARKING_DIALPLAN: &str = "
[parkedcalls]
exten => 700,1,Park(default)
exten => _70[1-9],1,ParkedCall(default,${EXTEN})
exten => _71X,1,ParkedCall(default,${EXTEN})
exten => 720,1,ParkedCall(default,${EXTEN})
";

const FIRST_SPACE: u16 = 701;
const LAST_SPACE: u16 = 720;
const PARKING_TIME: Micros = 30 * SECOND;
/// How long the one who parks hears the number of the space.
const ANNOUNCEMENT: Micros = 2600 * MILLISECOND;

/// A parked call.
#[derive(Clone, Debug)]
pub(crate) struct Parked {
    leg: LegId,
    /// Device of the one who parked: it is called back.
    parker: String,
    since: Micros,
}

impl Pbx {
    /// A blind transfer to the parking extension parks instead. Whether it was one.
    pub(super) fn park_by_transfer(
        &mut self,
        leg: LegId,
        transferee: LegId,
        context: &str,
        exten: &str,
    ) -> bool {
        let step = self.config.dialplan.step(context, exten, 1);
        if !step.is_some_and(|step| step.app.eq_ignore_ascii_case("Park")) {
            return false;
        }
        self.leave_bridge(transferee);
        let parker = self.channels.get(&leg).and_then(|channel| channel.endpoint.clone()).unwrap_or_default();
        self.park(transferee, format!("PJSIP/{parker}"));
        // The one who parks stays to hear the number of the space.
        self.set_work_for(leg, Work::Announced, ANNOUNCEMENT);
        true
    }

    /// The number of the space has been told.
    pub(super) fn announcement_is_over(&mut self, leg: LegId) {
        self.notify(leg, News::Transfer(200));
        self.end_leg(leg);
    }

    fn park(&mut self, leg: LegId, parker: String) {
        let free = (FIRST_SPACE..=LAST_SPACE).map(|step| {
            // The space after the last one used (`findslot = next`).
            let count = LAST_SPACE - FIRST_SPACE + 1;
            FIRST_SPACE + (step - FIRST_SPACE + self.next_space) % count
        });
        let Some(space) = free.into_iter().find(|space| !self.parked.contains_key(space)) else {
            self.warn("the parking lot is full".to_owned());
            return self.end_leg(leg);
        };
        self.next_space = space + 1 - FIRST_SPACE;
        self.parked.insert(space, Parked { leg, parker, since: self.now });
        let message = self.parking_event("ParkedCall", space);
        self.publish(message);
        let bridge = match self.parking_bridge {
            Some(bridge) => bridge,
            None => self.create_bridge(BridgeKind::Parking),
        };
        self.parking_bridge = Some(bridge);
        self.enter_bridge(leg, bridge, None);
        self.start_music(leg, "default");
        self.set_work_for(leg, Work::Parked(space), PARKING_TIME);
    }

    fn parking_event(&self, name: &'static str, space: u16) -> Message {
        let mut message = self.event(name, Classes::CALL);
        let Some(parked) = self.parked.get(&space) else { return message };
        self.write_channel(&mut message, "Parkee", parked.leg);
        self.write_space(&mut message, space);
        message
    }

    fn write_space(&self, message: &mut Message, space: u16) {
        let Some(parked) = self.parked.get(&space) else { return };
        let parked_for = (self.now - parked.since) / SECOND;
        message
            .put("ParkerDialString", &parked.parker)
            .put("Parkinglot", "default")
            .put("ParkingSpace", space)
            .put("ParkingTimeout", (PARKING_TIME / SECOND).saturating_sub(parked_for))
            .put("ParkingDuration", parked_for);
    }

    /// `ParkedCall(lot,space)`: talks to who is parked there. Whether anybody is.
    pub(super) fn fetch_parked(&mut self, leg: LegId, space: u16) -> bool {
        let Some(parkee) = self.parked.get(&space).map(|parked| parked.leg) else { return false };
        self.answer(leg);
        let bridge = self.create_bridge(BridgeKind::Basic);
        self.stop_music(parkee);
        let mut message = self.event("UnParkedCall", Classes::CALL);
        self.write_channel(&mut message, "Parkee", parkee);
        self.write_channel(&mut message, "Retriever", leg);
        self.write_space(&mut message, space);
        self.publish(message);
        self.parked.remove(&space);
        self.leave_bridge(parkee);
        self.set_work(parkee, Work::Joined { ends: true });
        self.set_work(leg, Work::Joined { ends: true });
        self.enter_bridge(parkee, bridge, None);
        self.enter_bridge(leg, bridge, None);
        self.show_each_other(leg, parkee);
        true
    }

    /// Nobody fetched it: the one who parked is called back.
    pub(super) fn parking_timeout(&mut self, leg: LegId, space: u16) {
        let Some(parker) = self.parked.get(&space).map(|parked| parked.parker.clone()) else { return };
        self.leave_bridge(leg);
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.place = Location::new("park-dial", parker.replace('/', "_"), 1);
            "Dial".clone_into(&mut channel.app);
            channel.data = format!("{parker},30");
        }
        let message = self.parking_event("ParkedCallTimeOut", space);
        self.publish(message);
        self.parked.remove(&space);
        self.tell_place(leg);
        self.set_work(leg, Work::Executing);
        self.app_dial(leg, &format!("{parker},30"));
    }

    /// Who is parked hangs up, or is sent elsewhere.
    pub(super) fn leave_parking(&mut self, leg: LegId, space: u16, gives_up: bool) {
        self.leave_bridge(leg);
        if gives_up {
            let message = self.parking_event("ParkedCallGiveUp", space);
            self.publish(message);
        }
        self.parked.remove(&space);
    }
}
