//! What agents ask for from their screens, as AMI actions for the control contexts of the dialplan.
//!
//! ```text
//!            ┌──────────── talk ────────────┐
//!            ↓                              │ Retrieve, ConsultCancel
//! customer: held ──→ complete, transfer     │
//! agent:    desk ⇄ consult ──→ leave        ┘
//! ```
//!
//! Both legs of a conversation are sent away by one Redirect, which Asterisk refuses as a whole when either is gone.
//! Before, each leg is told which leg it belongs to (`HS_HOLDER`, `HS_OTHER`): from then on the dialplan finds the way
//! back alone.

use hookswitch_ami::Action as Ami;
use hookswitch_model::{
    ActionId, CallRef, LegRef, Millis,
    call::{Address, AttachedData},
    command::are_tones,
    pbx::{Action, PbxAction, SuperviseMode, Target},
};

use super::{Settings, Untranslatable, dial_string, seconds, set};
use crate::dialplan::text::{Device, Digits, Exten, InvalidText, Reference};

/// How long the devices of a transfer's target ring.
const TRANSFER_RING: Millis = Millis::from_secs(20);

/// How long Asterisk may need for an Originate beside the ringing, which the dialplan limits itself.
const SLACK_MS: u64 = 5_000;

/// Variables of one Originate: Asterisk reads 128 headers.
const MAX_DATA: usize = 64;

/// The AMI actions for a request of an agent.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller keeps the others to itself")]
pub(super) fn steps(action: &PbxAction, settings: &Settings) -> Result<Vec<Ami>, Untranslatable> {
    match &action.action {
        Action::Dial { .. } => dial(action),
        Action::Hold { call: _, leg, others } => hold(leg, others),
        Action::Retrieve { call: _, leg, others } => {
            only(others)?;
            back(leg, "retrieve")
        }
        Action::Transfer { call: _, leg, other, to } => transfer(leg, other, to),
        Action::Consult { .. } => consult(&action.action, settings),
        Action::ConsultComplete { call: _, consult, leg, other, target } => {
            complete(consult, leg, other, target)
        }
        Action::ConsultCancel { call: _, consult: _, leg, other: _, target: _ } => back(leg, "cancel"),
        Action::ConsultConference { call: _, consult, leg, other, target } => {
            conference(consult, leg, other, target)
        }
        Action::Answer { leg, device } => {
            Device::new(device.as_str())?;
            Ok(vec![Ami::new("PJSIPNotify").header("Channel", text(leg)?).variable("Event", "talk")])
        }
        Action::Dtmf { leg, digits } => tones(leg, digits),
        Action::Supervise { call: _, leg, devices, mode } => supervise(action.id, leg, devices, *mode),
        Action::Record { call, leg, on } => record(action.id, call, leg, *on),
        Action::CheckNumber { number } => {
            let asked = format!("DIALPLAN_EXISTS({},{},1)", settings.dial_context, Exten::new(number)?);
            Ok(vec![Ami::new("Getvar").header("Variable", asked)])
        }
        _ => Err(Untranslatable::Unsupported("no request of an agent")),
    }
}

fn text(leg: &LegRef) -> Result<String, InvalidText> {
    Reference::new(leg.as_str()).map(|leg| leg.to_string())
}

/// The one other party. Of a conference nobody can be held.
fn only(others: &[LegRef]) -> Result<&LegRef, Untranslatable> {
    match others {
        [other] => Ok(other),
        _ => Err(Untranslatable::Unsupported("holding a conference")),
    }
}

/// Each leg knows the other. A leg of a consultation goes by its channel's name and is not held.
fn tie(holder: &LegRef, other: &LegRef) -> Result<[Ami; 2], Untranslatable> {
    if holder.as_str().contains('/') {
        return Err(Untranslatable::Unsupported("a consultation within a consultation"));
    }
    Ok([set(other, "HS_HOLDER", &text(holder)?), set(holder, "HS_OTHER", &text(other)?)])
}

/// Sends two legs away at once, or neither.
fn both(one: (&LegRef, &str, &str), two: (&LegRef, &str, &str)) -> Result<Ami, Untranslatable> {
    Ok(Ami::new("Redirect")
        .header("Channel", text(one.0)?)
        .header("Context", one.1)
        .header("Exten", one.2)
        .header("Priority", "1")
        .header("ExtraChannel", text(two.0)?)
        .header("ExtraContext", two.1)
        .header("ExtraExten", two.2)
        .header("ExtraPriority", "1"))
}

fn hold(leg: &LegRef, others: &[LegRef]) -> Result<Vec<Ami>, Untranslatable> {
    let other = only(others)?;
    let mut steps = tie(leg, other)?.to_vec();
    steps.push(set(leg, "HS_DO", "hold"));
    steps.push(both((other, "hookswitch-held", "s"), (leg, "hookswitch-desk", "s"))?);
    Ok(steps)
}

/// The agent fetches the customer: whom he rings or talks to is let go by that.
fn back(leg: &LegRef, what: &str) -> Result<Vec<Ami>, Untranslatable> {
    text(leg)?;
    Ok(vec![set(leg, "HS_DO", what), super::redirect(leg, "hookswitch-talk", "agent")])
}

fn transfer(leg: &LegRef, other: &LegRef, to: &Target) -> Result<Vec<Ami>, Untranslatable> {
    let mut steps = tie(leg, other)?.to_vec();
    steps.push(set(leg, "HS_DO", "transfer"));
    let exten = match to {
        Target::Number(number) => {
            steps.push(set(other, "HS_TO", Exten::new(number)?.as_str()));
            "number"
        }
        Target::Devices(devices) => {
            steps.push(set(other, "HS_TO", extension(devices)));
            steps.push(set(other, "HS_RING", &dial_string(devices)?));
            steps.push(set(other, "HS_TIMEOUT", &seconds(TRANSFER_RING)));
            "devices"
        }
        Target::WaitingRoom => "wait",
    };
    steps.push(both((other, "hookswitch-transfer", exten), (leg, "hookswitch-leave", "s"))?);
    Ok(steps)
}

/// The number of an agent, for labels: digits of the first device that has some.
fn extension(devices: &[Address]) -> &str {
    devices.iter().find_map(Address::extension).unwrap_or_default()
}

/// What Dial rings for a target, and the number it goes by.
fn target(to: &Target, settings: &Settings) -> Result<(String, String), Untranslatable> {
    match to {
        Target::Number(number) => {
            let number = Exten::new(number)?;
            // Never optimised away: while it stands, each side of it has a channel of its own.
            let wire = format!("Local/{number}@{}/n", settings.dial_context);
            Ok((Device::new(&wire)?.to_string(), number.to_string()))
        }
        Target::Devices(devices) => Ok((dial_string(devices)?, extension(devices).to_owned())),
        Target::WaitingRoom => Err(Untranslatable::Unsupported("consulting a queue")),
    }
}

fn consult(action: &Action, settings: &Settings) -> Result<Vec<Ami>, Untranslatable> {
    let Action::Consult { call: _, leg, other, consult, to, timeout, caller_id } = action else {
        return Err(Untranslatable::Unsupported("no consultation"));
    };
    let (ring, number) = target(to, settings)?;
    let consult = Reference::new(consult.as_str())?;
    let mut steps = tie(leg, other)?.to_vec();
    // The customer gets them, too: completed while the target rings, he rings it himself.
    for leg in [leg, other] {
        steps.push(set(leg, "HS_TO", &number));
        steps.push(set(leg, "HS_RING", &ring));
        steps.push(set(leg, "HS_TIMEOUT", &seconds(*timeout)));
    }
    steps.push(set(leg, "HS_CALLER_ID", &shown(caller_id.as_deref())?));
    // Two underscores: whom it reaches shows it as well.
    steps.push(set(leg, "__HS_CONSULT", consult.as_str()));
    steps.push(set(leg, "HS_DO", "consult"));
    steps.push(both((other, "hookswitch-held", "s"), (leg, "hookswitch-consult", "s"))?);
    Ok(steps)
}

fn shown(number: Option<&str>) -> Result<String, InvalidText> {
    number.map_or(Ok(String::new()), |number| Digits::new(number).map(|number| number.to_string()))
}

fn complete(
    consult: &CallRef,
    leg: &LegRef,
    other: &LegRef,
    target: &LegRef,
) -> Result<Vec<Ami>, Untranslatable> {
    Ok(vec![
        set(other, "HS_TARGET", &text(target)?),
        set(other, "HS_CONSULT", Reference::new(consult.as_str())?.as_str()),
        set(leg, "HS_DO", "complete"),
        both((other, "hookswitch-complete", "s"), (leg, "hookswitch-leave", "s"))?,
    ])
}

/// The two who talk go first; the customer follows only if they could.
fn conference(
    consult: &CallRef,
    leg: &LegRef,
    other: &LegRef,
    target: &LegRef,
) -> Result<Vec<Ami>, Untranslatable> {
    let name = Reference::new(consult.as_str())?;
    let mut steps: Vec<Ami> =
        [leg, target, other].map(|leg| set(leg, "HS_CONFERENCE", name.as_str())).to_vec();
    steps.push(set(other, "HS_TARGET", &text(target)?));
    steps.push(set(leg, "HS_DO", "conference"));
    steps.push(both((leg, "hookswitch-conference", "agent"), (target, "hookswitch-conference", "agent"))?);
    steps.push(super::redirect(other, "hookswitch-conference", "customer"));
    Ok(steps)
}

fn tones(leg: &LegRef, digits: &str) -> Result<Vec<Ami>, Untranslatable> {
    if !are_tones(digits) {
        return Err(Untranslatable::Unsupported("what are no tones"));
    }
    let channel = text(leg)?;
    let tone =
        |digit: char| Ami::new("PlayDTMF").header("Channel", &channel).header("Digit", digit.to_string());
    Ok(digits.chars().map(tone).collect())
}

fn record(id: ActionId, call: &CallRef, leg: &LegRef, on: bool) -> Result<Vec<Ami>, Untranslatable> {
    let channel = text(leg)?;
    if !on {
        return Ok(vec![Ami::new("StopMixMonitor").header("Channel", channel)]);
    }
    // Below Asterisk's own folder for recordings; a slash in a reference would be a folder.
    let call = Reference::new(call.as_str())?.as_str().replace('/', "-");
    Ok(vec![
        Ami::new("MixMonitor")
            .header("Channel", channel)
            .header("File", format!("hookswitch-{call}-{id}.wav")),
    ])
}

/// The first of two channels that ring devices for a call of ours: gone as soon as one of them answers.
fn originate(channel: &str, context: &str, timeout: Millis, shown: &str) -> Ami {
    Ami::new("Originate")
        .header("Channel", format!("Local/s@{context}/n"))
        .header("Context", context)
        .header("Exten", "half")
        .header("Priority", "1")
        .header("Timeout", (timeout.0 + SLACK_MS).to_string())
        .header("Async", "true")
        .header("ChannelId", channel)
        .header("OtherChannelId", format!("{channel}-2"))
        .header("CallerID", shown)
}

fn dial(action: &PbxAction) -> Result<Vec<Ami>, Untranslatable> {
    let Action::Dial { call, devices, timeout, to, caller_id, data } = &action.action else {
        return Err(Untranslatable::Unsupported("no call"));
    };
    let (to_ring, number) = match to {
        Target::Number(number) => (String::new(), Exten::new(number)?.to_string()),
        Target::Devices(devices) => (dial_string(devices)?, extension(devices).to_owned()),
        Target::WaitingRoom => return Err(Untranslatable::Unsupported("dialling a queue")),
    };
    let call = Reference::new(call.as_str())?;
    let wire = originate(call.as_str(), "hookswitch-dial", *timeout, &number)
        .variable("__HS_CALL", call.as_str())
        .variable("HS_ACTION", &action.id.to_string())
        .variable("HS_RING", &dial_string(devices)?)
        .variable("_HS_TIMEOUT", &seconds(*timeout))
        .variable("_HS_SHOWN", &number)
        .variable("_HS_TO", &number)
        .variable("_HS_TO_RING", &to_ring)
        .variable("_HS_CALLER_ID", &shown(caller_id.as_deref())?);
    Ok(vec![with_data(wire, data)])
}

/// Attached data as variables of the call. What no variable can carry stays with the engine: names that are not
/// words, line ends, more than a line holds.
fn with_data(mut wire: Ami, data: &AttachedData) -> Ami {
    let word = |key: &str| {
        !key.is_empty() && key.len() <= 64 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let fits = |value: &str| value.len() <= 400 && !value.chars().any(char::is_control);
    for (key, value) in data.iter().filter(|(key, value)| word(key) && fits(value)).take(MAX_DATA) {
        wire = wire.variable(&format!("__HS_DATA_{}", key.to_ascii_uppercase()), &escaped(value));
    }
    wire
}

/// Asterisk splits `Variable:` at commas, minds brackets and quotes, and takes what follows a backslash as it is.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '"' | '(' | ')' | '[' | ']' | '{' | '}' | '|') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn supervise(
    id: ActionId,
    leg: &LegRef,
    devices: &[Address],
    mode: SuperviseMode,
) -> Result<Vec<Ami>, Untranslatable> {
    let (mode, options) = match mode {
        SuperviseMode::Listen => ("listen", ""),
        SuperviseMode::Whisper => ("whisper", "w"),
        SuperviseMode::Barge => ("barge", "B"),
    };
    let wire = originate(&format!("hs-{id}"), "hookswitch-supervise", SUPERVISE_RING, extension(devices));
    Ok(vec![
        wire.variable("_HS_ACTION", &id.to_string())
            .variable("HS_RING", &dial_string(devices)?)
            .variable("HS_TIMEOUT", &seconds(SUPERVISE_RING))
            .variable("HS_SHOWN", extension(devices))
            .variable("_HS_SPIED", &text(leg)?)
            .variable("_HS_MODE", mode)
            .variable("_HS_SPY", options),
    ])
}

/// How long a supervisor's devices ring.
const SUPERVISE_RING: Millis = Millis::from_secs(20);

#[cfg(test)]
mod tests;
