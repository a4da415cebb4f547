//! Headers of AMI as values of the model.

use hookswitch_ami::Frame;
use hookswitch_model::{
    call::{PartyNumber, Via},
    ledger::Cause,
};

use super::Unread;
use crate::{number::Plan, switchboard::channel::Progress};

/// A header that must be there and say something.
pub(super) fn must<'f>(frame: &'f Frame, key: &str) -> Result<&'f str, Unread> {
    said(frame, key).ok_or(Unread::Incomplete)
}

/// A header's value; Asterisk writes `<unknown>` for what it does not know.
pub(super) fn said<'f>(frame: &'f Frame, key: &str) -> Option<&'f str> {
    frame.get(key).filter(|value| !value.is_empty() && *value != "<unknown>")
}

pub(super) fn number<T: std::str::FromStr>(frame: &Frame, key: &str) -> Option<T> {
    frame.get(key)?.trim().parse().ok()
}

pub(super) fn progress(frame: &Frame) -> Progress {
    match frame.get("ChannelState") {
        Some("4") => Progress::Calling,
        Some("5") => Progress::Ringing,
        Some("6") => Progress::Up,
        Some(_) | None => Progress::Down,
    }
}

/// `Cause` and `Cause-txt` of a hang-up; 0 is none.
pub(super) fn cause(frame: &Frame) -> Option<Cause> {
    let q850 = number(frame, "Cause")?;
    let text = said(frame, "Cause-txt").unwrap_or("Unknown").to_owned();
    Some(Cause { q850, text })
}

/// The caller as an event shows him, with the presentation where `channelvars` tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'f> {
    pub(super) number: &'f str,
    name: Option<&'f str>,
    pub(super) withheld: bool,
}

impl<'f> Caller<'f> {
    pub(super) fn of(frame: &'f Frame) -> Self {
        let number = said(frame, "CallerIDNum").unwrap_or_default();
        let name = said(frame, "CallerIDName");
        let presentation = frame.chan_variable("CALLERID(pres)").unwrap_or_default();
        let withheld =
            presentation.starts_with("prohib") || is_anonymous(number) || name.is_some_and(is_anonymous);
        Self { number, name, withheld }
    }

    pub(super) fn party(self, plan: &Plan) -> PartyNumber {
        let Self { number, name, withheld } = self;
        PartyNumber { name: name.map(str::to_owned), withheld, ..plain_number(number, plan) }
    }
}

/// What carriers write instead of a number or name that may not be shown.
fn is_anonymous(text: &str) -> bool {
    ["anonymous", "restricted", "withheld", "private"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A number of which nothing but its digits is known.
pub(super) fn plain_number(raw: &str, plan: &Plan) -> PartyNumber {
    PartyNumber { raw: raw.to_owned(), e164: plan.e164(raw), withheld: false, name: None }
}

/// The redirecting number, where `channelvars` tells it.
pub(super) fn via(frame: &Frame, plan: &Plan) -> Option<Via> {
    let raw = frame.chan_variable("REDIRECTING(from-num)").filter(|raw| !raw.is_empty())?;
    let reason = frame
        .chan_variable("REDIRECTING(reason)")
        .filter(|reason| !reason.is_empty() && *reason != "unknown");
    Some(Via { raw: raw.to_owned(), e164: plan.e164(raw), reason: reason.map(str::to_owned) })
}

/// Whether the bytes of a frame hold this text: a look before the headers are split.
pub(super) fn mentions(frame: &Frame, text: &[u8]) -> bool {
    memchr::memmem::find(frame.as_bytes(), text).is_some()
}
