//! The beginning and the end of a call.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_model::{
    CallId, CallRef, LegId, LegRef, PbxId,
    call::{AttachedData, Call, CallState, Direction, Leg, LegRole, LegState, PartyNumber, Via},
    event::EventKind,
    ledger::{Cause, Disposition, Ledger, Owner},
    offer::OfferOutcome,
    pbx::{LegEnd, LegSeen},
    why::Why,
};

use super::{
    CallRecord, Place, cause,
    disposition::{By, Ending, disposition, ended_by},
    settle::{PBX, began},
};
use crate::{
    agents::EVIDENCE_GONE,
    callbacks::Tie,
    control::{Control, Kind},
    engine::Engine,
    ledger::Books,
    timers::Timer,
};

/// What is seen of a call that begins.
pub(crate) struct Begin {
    pub(crate) call: CallRef,
    pub(crate) originator: LegSeen,
    pub(crate) direction: Direction,
    pub(crate) ani: PartyNumber,
    pub(crate) dnis: PartyNumber,
    pub(crate) via: Option<Via>,
    pub(crate) trunk: Option<String>,
    pub(crate) data: AttachedData,
    /// It can only be looked at.
    pub(crate) watched: bool,
}

/// How a call ends.
pub(crate) struct Finish {
    /// What was seen of it.
    pub(crate) ending: Ending,
    /// The PBX's cause.
    pub(crate) cause: Option<Cause>,
    /// The call it became part of.
    pub(crate) merged: Option<Option<CallId>>,
}

/// Digits an IVR is remembered to have been given.
const DIGITS: usize = 64;
/// The key they are attached under.
const DIGITS_KEY: &str = "ivr.digits";

impl Engine {
    /// First sight of a call.
    pub(crate) fn call_started(&mut self, pbx: &PbxId, begin: Begin) {
        let now = self.now();
        if let Some(id) = self.calls.live_id(pbx, &begin.call) {
            self.counters.stale += 1;
            if let Some(record) = self.calls.get_mut(id) {
                record.last_seen = now;
            }
            return;
        }
        let id: CallId = self.next_id();
        let agent = self.agents.by_device(pbx, &begin.originator.address).cloned();
        let in_hand = agent.as_ref().and_then(|agent| self.agents.get(agent)?.call_in_hand(id));
        let role = match (begin.direction, &agent) {
            (Direction::Inbound | Direction::Internal, _) => LegRole::Customer,
            (Direction::Outbound, Some(_)) => LegRole::Agent,
            (Direction::Outbound, None) => LegRole::External,
        };
        let leg = Leg {
            id: self.next_id(),
            role,
            address: begin.originator.address.clone(),
            number: begin.originator.number.clone(),
            agent,
            state: LegState::Ringing,
            actions: Vec::new(),
        };
        let reference = begin.originator.leg.clone();
        let mut record = self.new_record(id, pbx, begin);
        record.consult_of = in_hand.filter(|_| record.call.direction != Direction::Inbound);
        record.add_leg(leg, reference, false);
        record.settle(now);
        let call = Box::new(record.call.clone());
        self.calls.insert(record);
        self.watch_trace(id);
        self.emit_call(EventKind::CallStarted { call });
        self.ask_who(id);
        self.sync_call_agents(id, None);
    }

    /// A call without legs.
    pub(crate) fn new_record(&self, id: CallId, pbx: &PbxId, begin: Begin) -> CallRecord {
        let now = self.now();
        let mut data = AttachedData::new();
        // Too much of it is left out, as it is later.
        let _ = super::data::attach(&mut data, begin.data);
        let customer = self.customer_at_first(begin.direction, &begin.ani, &begin.dnis);
        let call = Call {
            id,
            direction: begin.direction,
            state: CallState::Started,
            pbx: pbx.clone(),
            pbx_ref: begin.call,
            ani: begin.ani,
            dnis: begin.dnis,
            via: begin.via,
            trunk: begin.trunk,
            queue: None,
            priority: 0,
            rule: None,
            config_version: self.setup.version,
            customer,
            data,
            legs: Vec::new(),
            started_at: now,
            queued_at: None,
            answered_at: None,
            ended_at: None,
        };
        CallRecord {
            ani: call.ani.raw.clone(),
            customer: (begin.direction != Direction::Outbound).then_some(0),
            routed: self.routes(pbx) && !begin.watched,
            records: self.setup.pbxs.iter().any(|setup| setup.name == *pbx && setup.records),
            books: Books::open(now, Owner::System(PBX.to_owned()), began(begin.direction)),
            call,
            parties: Vec::new(),
            visit: None,
            waiting_since: None,
            requires: BTreeMap::new(),
            prefer: None,
            unrouted: None,
            announced: None,
            place: Place::Elsewhere,
            stray_ring: None,
            left_an_offer: false,
            offers: Vec::new(),
            attempts: 0,
            takeover: None,
            untaken: false,
            system: None,
            consult_of: None,
            callback: Tie::None,
            pops: Vec::new(),
            last_seen: now,
            probes: Vec::new(),
            asked: VecDeque::new(),
            lost: false,
            control: Control::default(),
            why: Why { call: id, decisions: VecDeque::new() },
        }
    }

    /// More became known of the numbers. What was known stays: a customer does not change in the middle of a call.
    pub(crate) fn numbers_known(
        &mut self,
        id: CallId,
        ani: Option<PartyNumber>,
        dnis: Option<PartyNumber>,
        via: Option<Via>,
    ) {
        let Some(record) = self.calls.get_mut(id) else { return };
        let call = &mut record.call;
        if let Some(ani) = ani {
            if call.ani.raw.is_empty() {
                record.ani.clone_from(&ani.raw);
                call.ani.raw = ani.raw;
            }
            call.ani.withheld |= ani.withheld;
            call.ani.e164 = call.ani.e164.take().or(ani.e164);
            call.ani.name = call.ani.name.take().or(ani.name);
        }
        if let Some(dnis) = dnis.filter(|_| call.dnis.raw.is_empty()) {
            call.dnis = dnis;
        }
        call.via = call.via.take().or(via);
    }

    /// A key pressed outside a conversation: kept with the call, the last ones only.
    pub(crate) fn digit(&mut self, id: CallId, leg: &LegRef, digit: char) {
        let Some(record) = self.calls.get(id) else { return };
        if record.leg(leg).is_none() || record.in_conversation() || self.key_in_queue(id, digit) {
            return;
        }
        let Some(record) = self.calls.get(id) else { return };
        let mut digits: Vec<char> =
            record.call.data.get(DIGITS_KEY).map(|d| d.chars().collect()).unwrap_or_default();
        digits.push(digit);
        let from = digits.len().saturating_sub(DIGITS);
        let changed = [(DIGITS_KEY.to_owned(), digits[from..].iter().collect())].into();
        self.attach(id, changed, "ivr");
    }

    /// The PBX says the call is over.
    pub(crate) fn call_ended(&mut self, id: CallId, by: Option<&LegRef>, cause: Option<Cause>) {
        let recovered = self.is_recovered();
        let Some(record) = self.calls.get(id) else { return };
        let by = by.or_else(|| hung_up_from_a_screen(record)).map(|leg| match record.leg(leg) {
            Some(place) if Some(place) == record.customer => By::Customer,
            Some(0) => By::Originator,
            Some(_) | None => By::Other,
        });
        // Of a call that the PBX just does not know any more it says no cause.
        let lost = recovered && cause.is_none() && !record.probes.is_empty();
        let ending = Ending { by, q850: cause.as_ref().map(|cause| cause.q850), recovered, lost };
        self.finish(id, Finish { ending, cause, merged: None });
    }

    /// A call became part of another: a consultation, if who made it was with the customer of the other; else somebody
    /// picked the other call up, fetched it or dialled into its conference.
    pub(crate) fn call_merged(&mut self, id: CallId, into: Option<CallId>) {
        let by = self.calls.get(id).and_then(|record| record.call.legs.first()?.agent.clone());
        let consults = into.filter(|into| {
            let legs = self.calls.known(*into).map(|other| other.call.legs.iter().zip(&other.parties));
            by.is_some() && legs.into_iter().flatten().any(|(leg, party)| party.told && leg.agent == by)
        });
        if let Some(record) = self.calls.get_mut(id) {
            record.consult_of = record.consult_of.or(consults);
        }
        let ending =
            Ending { by: Some(By::Originator), q850: None, recovered: self.is_recovered(), lost: false };
        self.finish(id, Finish { ending, cause: None, merged: Some(into) });
    }

    /// The PBX says again that a call is over, or says it of a call that was given up.
    pub(crate) fn ended_again(&mut self, pbx: &PbxId, call: &CallRef) {
        let known = self.calls.id(pbx, call).and_then(|id| self.calls.known(id));
        match known.map(|record| (record.call.id, record.lost)) {
            Some((id, false)) => {
                let evidence = format!("the PBX ended {call} of {pbx} twice");
                self.violated("ended_once", evidence, Some(id));
            }
            Some((_, true)) => self.counters.stale += 1,
            None => self.counters.unknown_calls += 1,
        }
    }

    /// Ends a call, once: offers first, then the ledger, then the agents.
    pub(crate) fn finish(&mut self, id: CallId, finish: Finish) {
        let now = self.now();
        self.consult_over(id, finish.merged.is_some());
        self.consult_stands_alone(id);
        let last_words = self.say_good_bye(id);
        let outcome = if finish.merged.is_some() || finish.ending.lost {
            OfferOutcome::Withdrawn
        } else {
            OfferOutcome::CallerLeft
        };
        self.end_offers(id, outcome);
        let Some(record) = self.calls.get_mut(id) else { return };
        let disposition = match finish.merged {
            Some(_) => Disposition::Merged,
            None => disposition(record, &finish.ending),
        };
        record.call.ended_at = Some(now);
        record.lost = finish.ending.lost;
        record.settle(now);
        let violations = record.books.close(now);
        let ledger = ledger(record, disposition, &finish, last_words);
        let call = Box::new(record.call.clone());
        let queue = self.end_visit(id).map(|visit| visit.queue);
        if let Some(queue) = queue.filter(|_| disposition == Disposition::Abandoned) {
            self.stats.abandoned(&queue);
        }
        self.stats.ended(&ledger);
        if let Some(agent) = &ledger.resolved_by {
            self.remember_agent(now, &call, agent);
        }
        let ani_changed = self.calls.get(id).is_some_and(|record| record.ani != call.ani.raw);
        self.emit_call(EventKind::CallEnded { call, ledger: Box::new(ledger) });
        for violation in violations {
            self.violated(violation.rule, violation.evidence, Some(id));
        }
        if ani_changed {
            self.violated(
                "ani_never_changes",
                "the customer's number at the end is another".into(),
                Some(id),
            );
        }
        self.forget(id);
        let audit = finish.ending.lost.then_some(EVIDENCE_GONE);
        self.sync_call_agents(id, audit);
        let unseen = finish.ending.recovered || finish.ending.lost || self.may_have_been_missed(id);
        self.try_over(id, disposition, unseen);
    }

    /// Every leg that is still there leaves. Returns the cause of the last that said one.
    fn say_good_bye(&mut self, id: CallId) -> Option<Cause> {
        let record = self.calls.get(id)?;
        let here: Vec<usize> = (0..record.parties.len()).filter(|place| record.is_here(*place)).collect();
        for place in &here {
            self.agent_finished(id, *place);
        }
        let record = self.calls.get_mut(id)?;
        for place in here {
            let ringing = record.call.legs[place].state == LegState::Ringing;
            let party = &mut record.parties[place];
            party.end = Some(if ringing { LegEnd::CallerLeft } else { LegEnd::Released });
            party.in_talk = false;
            record.call.legs[place].state = LegState::Left;
        }
        let legs: Vec<LegId> = record.call.legs.iter().map(|leg| leg.id).collect();
        let agents: Vec<_> = record.call.legs.iter().map(|leg| leg.agent.clone()).collect();
        let causes = record.parties.iter().rev().filter_map(|party| party.cause.clone());
        let cause = causes
            .clone()
            .find(|cause| cause.q850 != 0 && cause.q850 != cause::NORMAL)
            .or(causes.clone().next());
        for (leg, agent) in legs.into_iter().zip(agents) {
            if let Some(agent) = agent.and_then(|agent| self.agents.get_mut(&agent)) {
                agent.lease(id, leg, None);
            }
        }
        cause
    }

    /// What was kept for a live call only.
    fn forget(&mut self, id: CallId) {
        self.distributor.remove(self.now(), id);
        self.timers.cancel(&Timer::Ring(id));
        self.timers.cancel(&Timer::Retry(id));
        self.timers.cancel(&Timer::Route(id));
        self.timers.cancel(&Timer::Announce(id));
        self.timers.cancel(&Timer::Trace(id));
        self.timers.cancel(&Timer::Control(id));
        self.timers.cancel(&Timer::Shown(id));
        self.timers.cancel(&Timer::Rescue(id));
        self.timers.cancel(&Timer::Supervise(id));
        if let Some(record) = self.calls.get_mut(id) {
            record.place = Place::Elsewhere;
            record.probes.clear();
            for action in std::mem::take(&mut record.asked) {
                self.asked.remove(&action);
            }
        }
        if let Some(forgotten) = self.calls.retire(id) {
            for (_, pop) in forgotten.pops {
                self.pops.forget(pop);
            }
        }
    }
}

/// Who asked at a screen that it ends: of that the PBX names nobody, no phone hung up.
fn hung_up_from_a_screen(record: &CallRecord) -> Option<&LegRef> {
    record.control.doing.as_ref().filter(|doing| doing.kind == Kind::Hangup).map(|doing| &doing.leg_ref)
}

fn ledger(
    record: &CallRecord,
    disposition: Disposition,
    finish: &Finish,
    last_words: Option<Cause>,
) -> Ledger {
    let call = &record.call;
    let ended_at = call.ended_at.unwrap_or(call.started_at);
    let queued_at =
        call.queued_at.filter(|queued| call.answered_at.is_none_or(|answered| *queued <= answered));
    let waited_until = call.answered_at.unwrap_or(ended_at);
    let said = finish.cause.clone().filter(|cause| cause.q850 != 0);
    Ledger {
        disposition,
        ended_by: ended_by(record, &finish.ending),
        cause: said.or(last_words).or_else(|| finish.cause.clone()).map(cause::worded),
        segments: record.books.segments().to_vec(),
        handled_by: record.books.handled_by(),
        resolved_by: record.books.resolved_by(),
        wait_ms: waited_until.since(queued_at.unwrap_or(call.started_at)).0,
        talk_ms: record.books.talk_ms(),
        hold_ms: record.books.hold_ms(),
        merged_into: finish.merged.flatten(),
        consult_of: record.consult_of,
        callback_of: match record.callback {
            Tie::Tries { of, .. } => of,
            Tie::None | Tie::Wished | Tie::Promised(_) => None,
        },
        wrap_up: record.control.wrap_up.clone(),
    }
}
