//! `Dial()`: ringing one device or several for a channel, and what becomes of it.

use crate::config::{Micros, SECOND};
use crate::dialplan::arguments;
use crate::pbx::channel::{ChannelState, Dialler, Location, Party, Work};
use crate::pbx::events::NewChannel;
use crate::pbx::local::NewPair;
use crate::pbx::{LegId, News, Pbx};

/// A `Dial()` that nobody has answered yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct DialWork {
    /// Legs that still ring.
    pub(crate) legs: Vec<LegId>,
    /// How many devices were asked for.
    pub(crate) asked: usize,
    /// Devices that were busy.
    pub(crate) busy: usize,
    /// Devices that could not be reached.
    pub(crate) unavailable: usize,
    /// Option `m`: the caller hears music instead of ringing.
    pub(crate) music: Option<String>,
    /// Option `g`: the caller goes on in the dialplan when the called party hangs up.
    pub(crate) goes_on: bool,
    /// Option `t`: the called party may transfer; option `T`: the calling one.
    pub(crate) transfers: (bool, bool),
    /// Option `F`: where the called party goes when the caller leaves the conversation.
    pub(crate) after: Option<Location>,
    /// Option `G`: where the caller goes when somebody answers; who answered goes to the priority behind it.
    pub(crate) split: Option<Location>,
    /// When the ring time is over.
    pub(crate) deadline: Micros,
}

/// One device of a dial string.
pub(super) enum Device {
    /// `PJSIP/1001`.
    Phone(String),
    /// `PJSIP/trunk/sip:number@host` or `PJSIP/number@trunk`.
    Outside { trunk: String, number: String },
    /// `Local/1001@context`, or with `/n`: the pair stays when both sides talk.
    Local { exten: String, context: String, kept: bool },
}

impl Device {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (technology, rest) = text.split_once('/')?;
        if technology.eq_ignore_ascii_case("Local") {
            let (target, options) = rest.split_once('/').unwrap_or((rest, ""));
            let (exten, context) = target.split_once('@')?;
            let kept = options.contains('n');
            return Some(Self::Local { exten: exten.to_owned(), context: context.to_owned(), kept });
        }
        if let Some((trunk, uri)) = rest.split_once('/') {
            let user = uri.trim_start_matches("sip:").split(['@', ';']).next().unwrap_or_default();
            return Some(Self::Outside { trunk: trunk.to_owned(), number: user.to_owned() });
        }
        Some(match rest.split_once('@') {
            Some((number, trunk)) => Self::Outside { trunk: trunk.to_owned(), number: number.to_owned() },
            None => Self::Phone(rest.to_owned()),
        })
    }
}

/// What a caller passes on to the leg it dials.
pub(super) struct LegPlan<'a> {
    pub(super) parent: LegId,
    pub(super) device: &'a str,
    pub(super) app: &'static str,
    pub(super) dialler: Dialler,
}

impl Pbx {
    /// `Dial(devices,timeout,options)`.
    pub(super) fn app_dial(&mut self, leg: LegId, data: &str) {
        let parts = arguments(data);
        let devices: Vec<String> = parts[0].split('&').filter(|d| !d.is_empty()).map(str::to_owned).collect();
        let seconds = parts.get(1).and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(136.0);
        let options = parts.get(2).copied().unwrap_or_default();
        let mut work = DialWork { asked: devices.len(), ..DialWork::default() };
        work.music = option(options, 'm').map(|class| class.unwrap_or("default").to_owned());
        work.after = option(options, 'F').flatten().and_then(place);
        work.split = option(options, 'G').flatten().and_then(place);
        let letters = plain_options(options);
        work.goes_on = letters.contains('g');
        work.transfers = (letters.contains('t'), letters.contains('T'));
        let ring_time = (seconds * SECOND as f64) as Micros;
        work.deadline = self.now + ring_time;
        // HANGUPCAUSE stays as an earlier leg left it.
        self.set_variable(leg, "DIALSTATUS", "");
        for device in &devices {
            let plan = LegPlan { parent: leg, device, app: "AppDial", dialler: Dialler::Dial(leg) };
            match self.create_leg(&plan) {
                Some(called) => work.legs.push(called),
                None => {
                    work.unavailable += 1;
                    self.set_cause(leg, 3, Some(404));
                }
            }
        }
        if work.legs.is_empty() {
            self.set_variable(leg, "DIALSTATUS", "CHANUNAVAIL");
            self.go_on(leg);
            return;
        }
        let (legs, music) = (work.legs.clone(), work.music.clone());
        self.set_work_for(leg, Work::Dialling(work), ring_time);
        for (called, device) in legs.iter().zip(&devices) {
            let string = device.split_once('/').map_or(device.as_str(), |(_, rest)| rest);
            self.tell_dial_begin(Some(leg), *called, string);
        }
        if let Some(class) = music {
            self.start_music(leg, &class);
        }
        // A Local pair shows the party behind it later.
        if let [only] = legs[..]
            && self.channels.get(&only).is_some_and(|channel| channel.local_peer.is_none())
        {
            self.show_called_party(leg, only);
        }
        for called in legs {
            self.ring_leg(called);
        }
    }

    /// Makes the leg of one device, none when the device cannot be reached.
    pub(super) fn create_leg(&mut self, plan: &LegPlan<'_>) -> Option<LegId> {
        let parent = self.channels.get(&plan.parent)?;
        let (exten, caller, linkedid) =
            (parent.place.exten.clone(), parent.caller.clone(), parent.linkedid.clone());
        let called_name = parent.connected.name.clone();
        let (inherited, presentation) = (parent.inherited(), parent.presentation);
        let device = Device::parse(plan.device)?;
        let called = match &device {
            Device::Local { exten, context, kept } => {
                let pair = NewPair { exten, context, kept: *kept, uniqueids: [None, None] };
                self.create_local(plan.parent, pair, plan.dialler)
            }
            Device::Phone(name) | Device::Outside { trunk: name, .. } => {
                let endpoint = self.endpoints.get(name).filter(|endpoint| endpoint.registered)?;
                let caller = Party::new(&endpoint.number, &endpoint.display);
                let place = Location::new(endpoint.context.clone(), "s", 1);
                self.new_channel(NewChannel {
                    endpoint: name.clone(),
                    uniqueid: None,
                    linkedid: Some(linkedid),
                    state: ChannelState::Down,
                    caller,
                    place,
                    work: Work::Outgoing(plan.dialler),
                })
            }
        };
        let app = plan.app;
        if let Some(channel) = self.channels.get_mut(&called) {
            channel.variables.extend(inherited);
            channel.presentation = presentation;
            channel.connected = caller;
            if app == "AppDial" {
                channel.place.exten.clone_from(&exten);
            }
            app.clone_into(&mut channel.app);
            "(Outgoing Line)".clone_into(&mut channel.data);
            if let Device::Local { .. } = &device {
                channel.caller.number = Some(exten.clone());
            }
            if let Device::Outside { number, .. } = &device {
                channel.dialled.clone_from(number);
                channel.caller = Party { number: Some(exten.clone()), name: called_name };
            }
        }
        if let Device::Outside { number, .. } = &device {
            self.somebody_is_called(called, number);
        }
        self.tell_place(called);
        if matches!(device, Device::Outside { .. } | Device::Local { .. }) {
            self.tell_caller(called);
        }
        self.tell("NewConnectedLine", called);
        self.show_local_number(called, &exten);
        if let Some(channel) = self.channels.get_mut(&called) {
            // app_queue sets the extension later than Dial() does.
            channel.place.exten = exten;
        }
        self.tell_place(called);
        Some(called)
    }

    /// Until somebody is known behind a Local pair, it shows the number that was dialled.
    fn show_local_number(&mut self, called: LegId, exten: &str) {
        let Some(half) = self.channels.get(&called).and_then(|channel| channel.local_peer) else { return };
        if let Some(channel) = self.channels.get_mut(&half) {
            channel.connected = Party::new(exten, "");
        }
        self.tell_caller(half);
        self.tell("NewConnectedLine", half);
    }

    /// Sends the call to the phone, or begins the dialplan of a Local pair's other half.
    pub(super) fn ring_leg(&mut self, called: LegId) {
        match self.channels.get(&called).map(|channel| channel.local_peer) {
            Some(Some(half)) => self.begin_soon(half),
            Some(None) => self.invite(called),
            None => {}
        }
    }

    pub(super) fn tell_dial_begin(&mut self, caller: Option<LegId>, called: LegId, string: &str) {
        let mut message = self.dial_event("DialBegin", caller, called);
        message.put("DialString", string);
        self.publish(message);
    }

    pub(super) fn tell_dial_end(&mut self, caller: Option<LegId>, called: LegId, status: &str) {
        let mut message = self.dial_event("DialEnd", caller, called);
        message.put("DialStatus", status);
        self.publish(message);
    }

    fn tell_dial_state(&mut self, caller: Option<LegId>, called: LegId) {
        let mut message = self.dial_event("DialState", caller, called);
        message.put("DialStatus", "RINGING");
        self.publish(message);
    }

    /// An originated leg has no caller: the event then has only the headers with `Dest`.
    fn dial_event(
        &self,
        name: &'static str,
        caller: Option<LegId>,
        called: LegId,
    ) -> crate::message::Message {
        let mut message = self.event(name, crate::message::Classes::CALL);
        if let Some(caller) = caller {
            self.write_channel(&mut message, "", caller);
        }
        self.write_channel(&mut message, "Dest", called);
        message
    }

    /// The caller's display shows whom it calls.
    pub(super) fn show_called_party(&mut self, caller: LegId, called: LegId) {
        let Some(party) = self.channels.get(&called).map(|channel| channel.caller.clone()) else { return };
        self.set_connected(caller, party.clone());
        // Through a Local pair the display of the real caller changes as well.
        let Some(half) = self.channels.get(&caller).and_then(|channel| channel.local_peer) else { return };
        let Some(channel) = self.channels.get_mut(&half) else { return };
        channel.caller_is_new |= channel.caller != party;
        channel.caller = party.clone();
        let told_later = channel.state == ChannelState::Down;
        let outer = if let Work::Outgoing(dialler) = channel.work { dialler.caller() } else { None };
        if !told_later {
            self.tell_new_caller(half);
        }
        if let Some(outer) = outer {
            self.show_called_party(outer, half);
        } else if let Some(other) = self.other_in_bridge(half) {
            self.set_connected(other, party);
        }
    }

    /// A leg rings (180).
    pub(super) fn leg_rings(&mut self, called: LegId) {
        let Some(channel) = self.channels.get(&called) else { return };
        let Work::Outgoing(dialler) = channel.work else { return };
        if channel.state != ChannelState::Down {
            return;
        }
        self.set_state(called, ChannelState::Ringing);
        let caller = dialler.caller();
        self.tell_dial_state(caller, called);
        let Some(caller) = caller else { return };
        let half = self.channels.get(&caller).and_then(|channel| channel.local_peer);
        match half {
            Some(half) => self.leg_rings(half),
            None => self.notify(caller, News::Ringing),
        }
    }

    /// A leg is answered.
    pub(super) fn leg_answers(&mut self, called: LegId) {
        let Some(channel) = self.channels.get(&called) else { return };
        let Work::Outgoing(dialler) = channel.work else { return };
        self.set_state(called, ChannelState::Up);
        match dialler {
            Dialler::Dial(caller) => self.dial_answered(caller, called),
            Dialler::Queue(caller) => self.queue_answered(caller, called),
            Dialler::Originate(id) => self.originate_answered(id, called),
            Dialler::Consult(agent) => self.consult_answered(agent, called),
        }
    }

    fn dial_answered(&mut self, caller: LegId, called: LegId) {
        let Some(channel) = self.channels.get(&caller) else { return };
        let Work::Dialling(work) = channel.work.clone() else { return };
        let others: Vec<LegId> = work.legs.iter().copied().filter(|leg| *leg != called).collect();
        self.show_called_party(caller, called);
        for other in &others {
            self.tell_dial_end(Some(caller), *other, "CANCEL");
        }
        if let Some(place) = work.split.clone() {
            return self.split(caller, called, &others, place);
        }
        if let Some(channel) = self.channels.get_mut(&called) {
            channel.place.exten.clear();
        }
        self.tell_dial_end(Some(caller), called, "ANSWER");
        self.stop_music(caller);
        self.set_work(caller, Work::Talking { goes_on: work.goes_on });
        self.set_work(called, Work::Called { after: work.after });
        for (leg, may_transfer) in [(called, work.transfers.0), (caller, work.transfers.1)] {
            self.set_cause(leg, 16, None);
            if let Some(channel) = self.channels.get_mut(&leg) {
                channel.may_transfer = may_transfer;
            }
        }
        self.set_variable(caller, "DIALSTATUS", "ANSWER");
        let was_up = self.channels.get(&caller).is_some_and(crate::pbx::Channel::is_up);
        self.set_state(caller, ChannelState::Up);
        for other in others {
            self.set_cause(other, 26, None);
            self.remove_channel(other);
        }
        self.bridge_two(called, caller);
        if !was_up {
            self.pass_answer(caller);
        }
    }

    /// Option `G`: who dialled and who answered never talk; each goes on in the dialplan.
    fn split(&mut self, caller: LegId, called: LegId, others: &[LegId], place: Location) {
        self.set_variable(caller, "DIALSTATUS", "ANSWER");
        self.stop_music(caller);
        if let Some(channel) = self.channels.get_mut(&caller) {
            // Asterisk counts the priority up before it runs it.
            channel.place = Location { priority: place.priority.saturating_sub(1), ..place.clone() };
        }
        self.tell_dial_end(Some(caller), called, "ANSWER");
        for other in others {
            self.set_cause(*other, 26, None);
            self.remove_channel(*other);
        }
        self.set_cause(caller, 16, None);
        self.set_cause(called, 16, None);
        self.set_work(called, Work::Executing);
        if let Some(channel) = self.channels.get_mut(&called) {
            channel.place = Location { priority: place.priority + 1, ..place.clone() };
        }
        self.begin_soon(called);
        self.run_at(caller, place);
    }

    /// Answers a channel that called us.
    pub(super) fn answer(&mut self, leg: LegId) {
        if self.channels.get(&leg).is_some_and(|channel| !channel.is_up()) {
            self.set_state(leg, ChannelState::Up);
            self.pass_answer(leg);
        }
    }

    /// Tells the phone of an answered channel; through a Local pair the answer reaches the real caller.
    fn pass_answer(&mut self, leg: LegId) {
        match self.channels.get(&leg).map(|channel| channel.local_peer) {
            Some(Some(half)) => self.leg_answers(half),
            Some(None) => self.notify(leg, News::Up),
            None => {}
        }
    }

    /// A dialled leg is over without an answer, for a cause.
    pub(super) fn dial_leg_failed(&mut self, caller: LegId, called: LegId, cause: u16, tech: Option<u16>) {
        let Some(Work::Dialling(mut work)) = self.channels.get(&caller).map(|channel| channel.work.clone())
        else {
            self.remove_channel(called);
            return;
        };
        work.legs.retain(|leg| *leg != called);
        match cause {
            17 => work.busy += 1,
            // The causes that Dial() does not count as unreachable: no answer and normal clearing.
            16 | 19 => {}
            _ => work.unavailable += 1,
        }
        self.tell_dial_end(Some(caller), called, dial_end_status(cause));
        // The caller hears the SIP answer that belongs to the cause: 403 for a 603.
        self.set_cause(caller, cause, tech.and(crate::pbx::channel::cause_to_sip(cause)));
        let status = work.status();
        let over = work.legs.is_empty();
        let leg_first = over && self.random.chance(500);
        if let Some(channel) = self.channels.get_mut(&caller) {
            channel.work = Work::Dialling(work);
        }
        if !over || leg_first {
            self.remove_channel(called);
        }
        if over {
            self.dial_over(caller, status);
            self.remove_channel(called);
        }
    }

    /// The ring time is over.
    pub(super) fn dial_timeout(&mut self, caller: LegId) {
        let Some(Work::Dialling(work)) = self.channels.get(&caller).map(|channel| channel.work.clone())
        else {
            return;
        };
        for leg in &work.legs {
            self.tell_dial_end(Some(caller), *leg, "NOANSWER");
        }
        let legs_first = self.random.chance(500);
        if legs_first {
            work.legs.iter().for_each(|leg| self.remove_channel(*leg));
        }
        self.dial_over(caller, "NOANSWER");
        work.legs.iter().for_each(|leg| self.remove_channel(*leg));
    }

    /// Ends a `Dial()` without an answer; the dialplan goes on.
    fn dial_over(&mut self, caller: LegId, status: &str) {
        self.stop_music(caller);
        self.set_variable(caller, "DIALSTATUS", status);
        self.go_on(caller);
    }

    /// The caller goes while legs ring, or is sent elsewhere: they are cancelled. The legs are returned; the caller
    /// of this function lets them go.
    pub(super) fn cancel_dial(&mut self, caller: LegId) -> Vec<LegId> {
        let Some(Work::Dialling(work)) = self.channels.get(&caller).map(|channel| channel.work.clone())
        else {
            return Vec::new();
        };
        self.stop_music(caller);
        for leg in &work.legs {
            self.tell_dial_end(Some(caller), *leg, "CANCEL");
        }
        self.set_work(caller, Work::Executing);
        work.legs
    }
}

impl Dialler {
    /// The channel that dials, none for an originated leg.
    pub(super) fn caller(self) -> Option<LegId> {
        match self {
            Self::Dial(caller) | Self::Queue(caller) => Some(caller),
            Self::Originate(_) | Self::Consult(_) => None,
        }
    }
}

impl DialWork {
    /// `DIALSTATUS` when all legs are gone (`app_dial.c`, `wait_for_answer`).
    fn status(&self) -> &'static str {
        if self.busy + self.unavailable < self.asked {
            "NOANSWER"
        } else if self.busy > 0 {
            "BUSY"
        } else {
            "CHANUNAVAIL"
        }
    }
}

/// `DialStatus` of DialEnd for the cause of a leg (`ast_hangup_cause_to_dial_status`).
pub(super) fn dial_end_status(cause: u16) -> &'static str {
    match cause {
        17 => "BUSY",
        34 => "CONGESTION",
        3 | 20 => "CHANUNAVAIL",
        _ => "NOANSWER",
    }
}

/// An option of an option string, with its argument; an empty argument is none.
fn option(options: &str, wanted: char) -> Option<Option<&str>> {
    let mut depth = 0_u32;
    for (at, letter) in options.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && letter == wanted => {
                let rest = options[at + 1..].strip_prefix('(');
                let argument = rest.and_then(|rest| rest.split_once(')')).map(|(argument, _)| argument);
                return Some(argument.filter(|argument| !argument.is_empty()));
            }
            _ => {}
        }
    }
    None
}

/// `context^extension^priority`, as options of `Dial()` write a place.
fn place(text: &str) -> Option<Location> {
    let mut parts = text.splitn(3, '^');
    let (context, exten, priority) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
    Some(Location::new(context, exten, priority))
}

/// The letters of an option string without their arguments.
pub(super) fn plain_options(options: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::new();
    for letter in options.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_with_their_arguments() {
        assert_eq!(plain_options("gtkm(default)"), "gtkm");
        assert_eq!(option("gtkm(jazz)", 'm'), Some(Some("jazz")));
        assert_eq!(option("m", 'm'), Some(None));
        assert_eq!(option("L(1000)m(jazz)", 'm'), Some(Some("jazz")));
        assert_eq!(option("L(m)g", 'm'), None);
        assert_eq!(
            option("gF(heir^s^1)", 'F').flatten().and_then(place),
            Some(Location::new("heir", "s", 1))
        );
        assert_eq!(place("heir"), None);
    }

    #[test]
    fn the_status_of_a_dial_is_that_of_asterisk() {
        let status =
            |asked, busy, unavailable| DialWork { asked, busy, unavailable, ..DialWork::default() }.status();
        assert_eq!(status(1, 1, 0), "BUSY");
        assert_eq!(status(1, 0, 1), "CHANUNAVAIL");
        assert_eq!(status(1, 0, 0), "NOANSWER");
        assert_eq!(status(2, 1, 1), "BUSY");
        assert_eq!(status(2, 1, 0), "NOANSWER");
    }
}
