//! What each caller lived through, and each person outside who was called: kept when a test asks for it.

use crate::config::Micros;
use crate::pbx::crowd::CallerAct;
use crate::pbx::{LegId, Pbx, Timer};

/// The life of one caller, from dialling to the end: what an oracle compares a ledger with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The caller's leg.
    pub leg: LegId,
    /// Asterisk's Uniqueid of it.
    pub uniqueid: String,
    /// The number called from.
    pub ani: String,
    /// The number dialled.
    pub dnis: String,
    /// When it dialled.
    pub from: Micros,
    /// When it was over.
    pub to: Micros,
    /// The endpoints it talked to, in order of their coming.
    pub talked_to: Vec<String>,
    /// What it was asked by `Read()`, and what it keyed in.
    pub asked: Vec<Asked>,
    /// What it was told by `Background()` and `SayNumber()`, as far as these began.
    pub told: Vec<String>,
    /// The context of the dialplan it was in at the end; empty: the PBX was restarted.
    pub context: String,
    /// How it ended.
    pub end: FateEnd,
}

/// One `Read()` that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The prompt.
    pub prompt: String,
    /// The digits, without the key that ended them.
    pub digits: String,
    /// `OK` or `TIMEOUT`.
    pub status: String,
}

/// How a caller's life on the line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FateEnd {
    /// After a conversation, whoever hung up.
    Talked,
    /// It had enough of waiting.
    GaveUp,
    /// The PBX ended it before anybody talked.
    TurnedAway,
    /// The PBX was restarted under it.
    Restarted,
}

/// What somebody outside lived whom the PBX called through its trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The leg to that person.
    pub leg: LegId,
    /// Asterisk's Uniqueid of it.
    pub uniqueid: String,
    /// Its Linkedid when it was dialled: the Uniqueid of what began it.
    pub linkedid: String,
    /// The number that was dialled.
    pub number: String,
    /// When it was dialled.
    pub from: Micros,
    /// When it was over.
    pub to: Micros,
    /// The endpoints it talked to, in order of their coming.
    pub talked_to: Vec<String>,
}

impl Pbx {
    /// Keeps the fate of every caller from now on, until [`Pbx::take_fates`] takes them, and of everybody who is called
    /// outside ([`Pbx::take_reached`]).
    pub fn keep_fates(&mut self) {
        self.fates.get_or_insert_default();
    }

    /// The fates of the callers who are gone, in the order of their ends.
    pub fn take_fates(&mut self) -> Vec<Fate> {
        self.fates.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Who was called outside and is off the line, in the order of their ends.
    pub fn take_reached(&mut self) -> Vec<Reached> {
        std::mem::take(&mut self.reached)
    }

    /// The callers on the line, oldest first.
    #[must_use]
    pub fn live_callers(&self) -> Vec<LegId> {
        self.callers.keys().copied().collect()
    }

    /// How long people outside who are called talk, from the shortest to the longest; what they do when it rings is the
    /// mood of the trunk ([`Pbx::set_mood`]). Nothing: they talk until somebody else hangs up.
    pub fn set_talk_outside(&mut self, talk: Option<(Micros, Micros)>) {
        self.talk_outside = talk;
    }

    /// Somebody outside is called.
    pub(super) fn somebody_is_called(&mut self, leg: LegId, number: &str) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let called = Reached {
            leg,
            uniqueid: channel.uniqueid.clone(),
            linkedid: channel.linkedid.clone(),
            number: number.to_owned(),
            from: self.now,
            to: self.now,
            talked_to: Vec::new(),
        };
        self.called.insert(leg, called);
    }

    /// Somebody outside talks to these.
    pub(super) fn called_is_bridged(&mut self, leg: LegId, with: &[String]) {
        let Some(called) = self.called.get_mut(&leg) else { return };
        let begins = called.talked_to.is_empty();
        called.talked_to.extend_from_slice(with);
        if let Some((shortest, longest)) = self.talk_outside.filter(|_| begins) {
            let talk = self.random.between(shortest, longest);
            self.after(talk, Timer::Caller { leg, act: CallerAct::EndTalk });
        }
    }

    /// Somebody outside is off the line.
    pub(super) fn called_is_gone(&mut self, leg: LegId) {
        let Some(mut called) = self.called.remove(&leg) else { return };
        called.to = self.now;
        if self.fates.is_some() {
            self.reached.push(called);
        }
    }

    /// What a caller was asked is noted.
    pub(super) fn note_asked(&mut self, leg: LegId, asked: Asked) {
        if let Some(fate) = self.callers.get_mut(&leg).and_then(|caller| caller.fate.as_mut()) {
            fate.asked.push(asked);
        }
    }

    /// What a caller was told is noted.
    pub(super) fn note_told(&mut self, leg: LegId, what: &str) {
        if let Some(fate) = self.callers.get_mut(&leg).and_then(|caller| caller.fate.as_mut()) {
            fate.told.push(what.to_owned());
        }
    }
}
