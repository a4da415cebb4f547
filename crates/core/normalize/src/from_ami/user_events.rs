//! What a dialplan says: user events and variables.

use hookswitch_ami::{Action, Frame};
use hookswitch_model::{
    ActionId,
    call::{Address, AttachedData},
    pbx::{AgentFeature, Fact, RingResult},
    setup::Mode,
};

use super::{
    Normalizer, Read, answers,
    headers::{self, must, said},
    listing::WAITING_ROOM,
};

/// Prefix of channel variables that become attached data.
const DATA_PREFIX: &str = "HS_DATA_";

/// Headers of every user event, which are no data of its own.
const OWN_HEADERS: [&str; 18] = [
    "Event",
    "Privilege",
    "Timestamp",
    "UserEvent",
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
];

impl Normalizer {
    /// `UserEvent`: those named `Hookswitch…`.
    pub(super) fn user_event(&mut self, frame: &Frame) -> Read {
        if !headers::mentions(frame, b"\nUserEvent: Hookswitch") {
            return Ok(());
        }
        match must(frame, "UserEvent")? {
            "HookswitchRoute" => self.route(frame),
            "HookswitchData" => self.data(frame),
            "HookswitchResult" => self.result(frame),
            "HookswitchFallback" => {
                let uid = self.see_caller(frame)?;
                self.board.fell_back(uid);
                Ok(())
            }
            "HookswitchAgent" => self.agent_asked(frame),
            "HookswitchDigit" => {
                let uid = self.see_caller(frame)?;
                self.board.pressed(uid, must(frame, "Digit")?);
                Ok(())
            }
            "HookswitchMenu" => {
                let uid = self.see_caller(frame)?;
                self.board.in_menu(uid);
                Ok(())
            }
            other => self.controlled(other, frame),
        }
    }

    /// The caller is in the waiting room. If it is ours, its data is asked for before the request is told.
    fn route(&mut self, frame: &Frame) -> Read {
        let uid = self.see_caller(frame)?;
        // A caller who returns may never have been handed over: then his call's own number counts.
        let again = frame.get("Again").is_some();
        let dnis =
            said(frame, "Dnis").or_else(|| said(frame, "Exten").filter(|_| !again)).unwrap_or_default();
        let dnis = headers::plain_number(dnis, &self.board.settings.plan);
        self.note_extension(frame, uid);
        if self.board.asks_route(uid, dnis) {
            match self.board.settings.mode {
                Mode::Route => self.ask_variables(uid),
                Mode::Observe => self.variables_are_in(uid),
            }
        }
        Ok(())
    }

    /// `MusicOnHoldStart`, which everybody in our waiting room makes Asterisk say every few seconds: whose request for a
    /// route, or end of a Ring, was not told is found by it. While the lists come, they tell it.
    pub(super) fn music_on_hold_start(&mut self, frame: &Frame) -> Read {
        let waits = self.board.settings.mode == Mode::Route
            && !self.board.unlisted
            && frame.get("Context") == Some(WAITING_ROOM);
        if waits {
            let uid = self.see_caller(frame)?;
            if self.board.found_waiting(uid) {
                self.ask_variables(uid);
            }
        }
        Ok(())
    }

    /// Asks for the variables of a waiting caller: `HS_DATA_…`, and `HS_DNIS` where it is not known.
    pub(super) fn ask_variables(&mut self, uid: &str) {
        let ask = Action::new("Status").header("Channel", uid).header("AllVariables", "true");
        self.requests.push(ask.action_id(answers::variables_of(uid)));
    }

    /// `UserEvent(HookswitchData,key: value,…)`.
    fn data(&mut self, frame: &Frame) -> Read {
        let uid = self.see_caller(frame)?;
        let own = |key: &str| {
            OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(key)) || key.contains("ChanVariable")
        };
        let data: AttachedData = frame
            .headers()
            .filter(|(key, _)| !own(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        self.board.attach(uid, data);
        Ok(())
    }

    /// Our Ring is over, with what Dial made of it.
    fn result(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        let status = must(frame, "Status")?;
        self.board.rung_in_vain(uid, status == "NOANSWER");
        let Some(ring) = said(frame, "Offer").and_then(|id| id.parse::<ActionId>().ok()) else {
            return Ok(());
        };
        let cause = headers::cause(frame).map(|cause| crate::switchboard::cause(cause.q850));
        let q850 = cause.as_ref().map_or(0, |cause| cause.q850);
        let result = match (status, q850) {
            ("ANSWER", _) => RingResult::Answered,
            ("CANCEL", _) => RingResult::CallerLeft,
            (_, 17 | 21) | ("BUSY", _) => RingResult::Declined,
            ("NOANSWER", _) => RingResult::NoAnswer,
            _ => RingResult::Unreachable,
        };
        self.board.ring_result(uid, ring, result, cause);
        Ok(())
    }

    /// A feature code: the call it was dialled with is none.
    fn agent_asked(&mut self, frame: &Frame) -> Read {
        let feature = match must(frame, "Do")? {
            "login" => AgentFeature::Login,
            "logout" => AgentFeature::Logout,
            "pause" => AgentFeature::Pause,
            "ready" => AgentFeature::Ready,
            _ => return Ok(()),
        };
        let uid = self.see_channel(frame, must(frame, "Uniqueid")?)?;
        self.board.silence(uid.as_str());
        let address = self.board.topology.get(uid.as_str()).map(|channel| channel.address.clone());
        let address = address.unwrap_or_else(|| Address::new(""));
        self.board.tell(Fact::AgentAsked { address, feature });
        Ok(())
    }

    /// `VarSet`, where the user reads class `dialplan`.
    pub(super) fn var_set(&mut self, frame: &Frame) -> Read {
        if !headers::mentions(frame, b"HS_DATA_") {
            return Ok(());
        }
        let uid = must(frame, "Uniqueid")?;
        let pair = (must(frame, "Variable")?, frame.get("Value").unwrap_or_default());
        self.board.attach(uid, data_of(std::iter::once(pair)));
        Ok(())
    }

    /// The variables of a channel, from `Status`.
    pub(super) fn variables(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        let pairs = || frame.all("Variable").filter_map(|pair| pair.split_once('='));
        if let Some((_, dnis)) = pairs().find(|(name, _)| *name == "HS_DNIS") {
            let dnis = headers::plain_number(dnis, &self.board.settings.plan);
            self.board.handed_over(uid, &dnis);
        }
        let data = data_of(pairs());
        if !data.is_empty() {
            self.board.attach(uid, data);
        }
        if frame.get("Application") == Some("VoiceMail") {
            self.board.found_in(uid, "voicemail");
        }
        Ok(())
    }
}

/// `HS_DATA_FOO` (also `_HS_DATA_FOO`, `__HS_DATA_FOO`) becomes `foo`.
fn data_of<'v>(variables: impl Iterator<Item = (&'v str, &'v str)>) -> AttachedData {
    let data = variables.filter_map(|(name, value)| {
        let key = name.trim_start_matches('_').strip_prefix(DATA_PREFIX)?;
        (!key.is_empty()).then(|| (key.to_ascii_lowercase(), value.to_owned()))
    });
    data.collect()
}
