//! A PBX that is scripted event by event, for what no recording shows.

use bytes::Bytes;
use hookswitch_ami::{Action, Frame};
use hookswitch_model::{Millis, Timestamp, pbx::PbxEvent};
use hookswitch_normalize::{from_ami::Normalizer, settings::Settings};

use super::{Story, unconfigured};

/// The scripted PBX, the normaliser that reads it, and the facts so far.
pub(crate) struct Pbx {
    pub(crate) normalizer: Normalizer,
    pub(crate) facts: Vec<PbxEvent>,
    pub(crate) now: Timestamp,
}

impl Default for Pbx {
    fn default() -> Self {
        Self::with(unconfigured())
    }
}

impl Pbx {
    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            normalizer: Normalizer::new(settings),
            facts: Vec::new(),
            now: Timestamp::from_millis(1_795_300_000_000),
        }
    }

    /// One event: its name and headers, `Key: value` lines separated by `|`.
    pub(crate) fn event(&mut self, name: &str, headers: &str) -> &mut Self {
        let lines: String =
            headers.split('|').filter(|line| !line.is_empty()).map(|l| format!("{l}\r\n")).collect();
        self.raw(&format!("Event: {name}\r\n{lines}\r\n"))
    }

    pub(crate) fn raw(&mut self, text: &str) -> &mut Self {
        let frame = Frame::new(Bytes::copy_from_slice(text.as_bytes()));
        self.now = self.now + Millis(1);
        self.normalizer.frame(self.now, &frame, &mut self.facts);
        self
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, ms: u64) -> &mut Self {
        self.now = self.now + Millis(ms);
        self.normalizer.tick(self.now, &mut self.facts);
        self
    }

    /// Somebody calls: `uid` on `channel` dials `exten`.
    pub(crate) fn calls(&mut self, uid: &str, channel: &str, from: &str, exten: &str) -> &mut Self {
        self.event(
            "Newchannel",
            &format!("Channel: {channel}|ChannelState: 4|CallerIDNum: {from}|Exten: {exten}|Uniqueid: {uid}|Linkedid: {uid}"),
        )
    }

    /// A channel is made for another.
    pub(crate) fn made(&mut self, uid: &str, channel: &str, for_uid: &str) -> &mut Self {
        self.event(
            "Newchannel",
            &format!("Channel: {channel}|ChannelState: 0|Exten: s|Uniqueid: {uid}|Linkedid: {for_uid}"),
        )
    }

    /// `by` rings `uid`.
    pub(crate) fn rings(&mut self, by: &str, uid: &str, channel: &str, dial_string: &str) -> &mut Self {
        self.made(uid, channel, by);
        self.event(
            "DialBegin",
            &format!("Channel: ?|Uniqueid: {by}|DestChannel: {channel}|DestUniqueid: {uid}|DialString: {dial_string}"),
        )
    }

    pub(crate) fn up(&mut self, uid: &str) -> &mut Self {
        self.event("Newstate", &format!("Uniqueid: {uid}|ChannelState: 6"))
    }

    pub(crate) fn enters(&mut self, uid: &str, bridge: &str) -> &mut Self {
        self.event("BridgeEnter", &format!("Channel: PJSIP/x-{uid}|Uniqueid: {uid}|BridgeUniqueid: {bridge}"))
    }

    pub(crate) fn leaves(&mut self, uid: &str, bridge: &str) -> &mut Self {
        self.event("BridgeLeave", &format!("Uniqueid: {uid}|BridgeUniqueid: {bridge}"))
    }

    /// The far side hangs up.
    pub(crate) fn hangs_up(&mut self, uid: &str) -> &mut Self {
        self.event("HangupRequest", &format!("Uniqueid: {uid}|Cause: 16"))
    }

    pub(crate) fn gone(&mut self, uid: &str) -> &mut Self {
        self.event("Hangup", &format!("Uniqueid: {uid}|Cause: 16|Cause-txt: Normal Clearing"))
    }

    /// The trunk's `c` called 5001 and talks with 1001's `a` in bridge `b0`.
    pub(crate) fn customer_talks(&mut self) -> &mut Self {
        self.calls("c", "PJSIP/trunk-01", "+49305550001", "5001");
        self.rings("c", "a", "PJSIP/1001-02", "1001");
        self.up("a").up("c").enters("a", "b0").enters("c", "b0")
    }

    /// What was told since the last time, call by call is not needed here: as lines.
    pub(crate) fn told(&mut self) -> Vec<String> {
        Story::of(&self.facts)
    }

    /// What was told from this fact on, with the names that earlier facts gave.
    pub(crate) fn told_after(&self, first: usize) -> Vec<String> {
        Story::of(&self.facts).split_off(Story::of(&self.facts[..first]).len())
    }

    /// The actions that the normaliser wants sent.
    pub(crate) fn requests(&mut self) -> Vec<Action> {
        self.normalizer.take_requests()
    }
}
