//! Actions of the engine, as orders for the switch.

use std::time::Duration;

use hookswitch_model::{
    LegRef, Millis,
    call::Address,
    pbx::{Action, GaveUp, PbxAction, SuperviseMode, Target},
};
use hookswitch_switch::{self as switch, Command, LegId, Line, NoDevice, OrderId};

/// Why an action cannot be asked of the switch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    /// The switch does not do that.
    #[error("cannot be asked of this PBX: {0}")]
    Unsupported(&'static str),
    /// Not a device of the switch.
    #[error("{device}: {source}")]
    Device {
        /// What stands there.
        device: String,
        /// Why not.
        source: NoDevice,
    },
    /// Not a leg of the switch.
    #[error("{0}: no leg of this switch is called that")]
    Leg(String),
}

/// The order for an action. It carries the action's id, and so does all that comes of it.
///
/// # Errors
/// [`Untranslatable`] when the switch cannot be asked for it: then nothing is ordered.
pub fn translate(action: &PbxAction) -> Result<(OrderId, Command), Untranslatable> {
    Ok((OrderId(action.id.bits()), command(&action.action)?))
}

/// Q.850: unallocated number, no user responding, temporary failure. The switch refuses with 404, 480, and 503, at which a
/// trunk tries the next server.
const fn gave_up(why: GaveUp) -> u16 {
    match why {
        GaveUp::NoRoute => 1,
        GaveUp::Nobody => 18,
        GaveUp::Busy => 17,
        GaveUp::Declined => 21,
        GaveUp::Stopping => 41,
    }
}

fn command(action: &Action) -> Result<Command, Untranslatable> {
    Ok(match action {
        Action::Ring { call, leg: _, devices, timeout } => {
            Command::Ring { call: name(call.as_str()), lines: lines(devices)?, timeout: span(*timeout) }
        }
        Action::Withdraw { call, leg: _, ring, legs, all } => Command::Withdraw {
            call: name(call.as_str()),
            ring: OrderId(ring.bits()),
            // One that is not a leg of ours does not ring here.
            legs: legs.iter().filter_map(|leg| leg.as_str().parse().ok()).collect(),
            all: *all,
        },
        Action::NoteQueue { call, leg: _, queue } => {
            Command::Queue { call: name(call.as_str()), queue: queue.to_string() }
        }
        Action::SendTo { call, leg: _, number } => {
            Command::SendTo { call: name(call.as_str()), number: number.clone() }
        }
        Action::Hangup { leg, cause } => Command::Hangup { leg: self::leg(leg)?, cause: *cause },
        Action::FallBack { call, leg: _, why } => {
            Command::GiveUp { call: name(call.as_str()), cause: gave_up(*why) }
        }
        Action::Farewell { call: _, leg, prompt: None } => {
            Command::Hangup { leg: self::leg(leg)?, cause: NORMAL }
        }
        Action::Farewell { call: _, leg, prompt: Some(prompt) } => {
            Command::Farewell { leg: self::leg(leg)?, prompt: prompt.clone() }
        }
        Action::Announce { call, leg: _, queue, position, wait } => Command::Announce {
            call: name(call.as_str()),
            queue: queue.to_string(),
            position: *position,
            wait: wait.map(span),
        },
        Action::Menu { call, leg: _, menu } => {
            Command::Menu { call: name(call.as_str()), menu: menu.to_string() }
        }
        Action::Record { .. } => return Err(Untranslatable::Unsupported("recording")),
        Action::Dial { .. }
        | Action::Hold { .. }
        | Action::Retrieve { .. }
        | Action::Transfer { .. }
        | Action::Consult { .. }
        | Action::ConsultComplete { .. }
        | Action::ConsultCancel { .. }
        | Action::ConsultConference { .. }
        | Action::Answer { .. }
        | Action::Dtmf { .. }
        | Action::Supervise { .. }
        | Action::CheckNumber { .. } => control(action)?,
        Action::Probe { call, leg } => Command::Probe { call: name(call.as_str()), leg: self::leg(leg)? },
    })
}

/// What agents ask for from their screens.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller keeps the others to itself")]
fn control(action: &Action) -> Result<Command, Untranslatable> {
    Ok(match action {
        Action::Dial { call, devices, timeout, to, caller_id, data } => Command::Dial {
            call: name(call.as_str()),
            lines: lines(devices)?,
            timeout: span(*timeout),
            to: target(to)?,
            shown: caller_id.clone(),
            data: data.clone(),
        },
        Action::Hold { call: _, leg, others } => {
            only(others)?;
            Command::Hold { leg: self::leg(leg)? }
        }
        Action::Retrieve { call: _, leg, others } => {
            only(others)?;
            Command::Retrieve { leg: self::leg(leg)? }
        }
        Action::Transfer { call: _, leg, other, to } => {
            Command::Transfer { leg: self::leg(leg)?, other: self::leg(other)?, to: target(to)? }
        }
        Action::Consult { call: _, leg, other, consult, to, timeout, caller_id } => Command::Consult {
            leg: self::leg(leg)?,
            other: self::leg(other)?,
            consult: name(consult.as_str()),
            to: target(to)?,
            timeout: span(*timeout),
            shown: caller_id.clone(),
        },
        Action::ConsultComplete { consult, .. } => Command::Complete { consult: name(consult.as_str()) },
        Action::ConsultCancel { consult, .. } => Command::Cancel { consult: name(consult.as_str()) },
        Action::ConsultConference { consult, .. } => Command::Conference { consult: name(consult.as_str()) },
        Action::Answer { leg, device: _ } => Command::Answer { leg: self::leg(leg)? },
        Action::Dtmf { leg, digits } => Command::Tones { leg: self::leg(leg)?, digits: digits.clone() },
        Action::Supervise { call: _, leg, devices, mode } => Command::Supervise {
            leg: self::leg(leg)?,
            lines: lines(devices)?,
            mode: match mode {
                SuperviseMode::Listen => switch::Supervision::Listen,
                SuperviseMode::Whisper => switch::Supervision::Whisper,
                SuperviseMode::Barge => switch::Supervision::Barge,
            },
        },
        Action::CheckNumber { number } => Command::Check { number: number.clone() },
        _ => return Err(Untranslatable::Unsupported("no request of an agent")),
    })
}

/// Q.850: normal call clearing.
const NORMAL: u16 = 16;

/// The one other party. Of a conference nobody can be held.
fn only(others: &[LegRef]) -> Result<(), Untranslatable> {
    match others {
        [_] => Ok(()),
        _ => Err(Untranslatable::Unsupported("holding a conference")),
    }
}

fn name(call: &str) -> switch::CallId {
    switch::CallId::new(call)
}

fn leg(leg: &LegRef) -> Result<LegId, Untranslatable> {
    leg.as_str().parse().map_err(|_| Untranslatable::Leg(leg.to_string()))
}

fn lines(devices: &[Address]) -> Result<Vec<Line>, Untranslatable> {
    let line = |device: &Address| {
        let named = |source| Untranslatable::Device { device: device.to_string(), source };
        device.as_str().parse().map_err(named)
    };
    devices.iter().map(line).collect()
}

fn target(to: &Target) -> Result<switch::Target, Untranslatable> {
    Ok(match to {
        Target::Devices(devices) => switch::Target::Lines(lines(devices)?),
        Target::Number(number) => switch::Target::Number(number.clone()),
        Target::WaitingRoom => switch::Target::WaitingRoom,
    })
}

const fn span(millis: Millis) -> Duration {
    Duration::from_millis(millis.0)
}

#[cfg(test)]
mod tests {
    use hookswitch_model::{ActionId, CallRef, PbxId, Timestamp};

    use super::*;

    fn translated(action: Action) -> Result<(OrderId, Command), Untranslatable> {
        let (id, pbx) = (ActionId::from_bits(7), PbxId::new("edge").unwrap());
        translate(&PbxAction { id, pbx, expires_at: Timestamp::from_millis(1), action })
    }

    const LEG: &str = "00000000000000c1";

    #[test]
    fn a_ring_names_users_and_numbers_behind_trunks() {
        let ring = |device: &str| {
            let devices = vec![Address::new("sip:alice"), Address::new(device)];
            translated(Action::Ring {
                call: CallRef::new("c"),
                leg: LEG.into(),
                devices,
                timeout: Millis(15_000),
            })
        };
        let (order, command) = ring("sip:1001@pbx").unwrap();
        let Command::Ring { lines, timeout, .. } = command else { panic!("{command:?}") };
        assert_eq!(order, OrderId(7));
        assert_eq!(lines, ["sip:alice".parse().unwrap(), "sip:1001@pbx".parse().unwrap()]);
        assert_eq!(timeout, Duration::from_secs(15));
        let refused = ring("PJSIP/1001").unwrap_err();
        assert_eq!(refused.to_string(), "PJSIP/1001: no device: sip:NAME of a user, or sip:NUMBER@TRUNK");
    }

    #[test]
    fn a_conference_is_not_held() {
        let hold = |others: &[&str]| {
            let others = others.iter().map(|other| LegRef::new(other)).collect();
            translated(Action::Hold { call: CallRef::new("c"), leg: LEG.into(), others })
        };
        assert!(matches!(hold(&[LEG]), Ok((_, Command::Hold { .. }))));
        assert_eq!(hold(&[LEG, LEG]), Err(Untranslatable::Unsupported("holding a conference")));
    }

    #[test]
    fn who_has_nothing_said_is_hung_up_on_at_once() {
        let farewell = |prompt: Option<&str>| {
            let prompt = prompt.map(str::to_owned);
            translated(Action::Farewell { call: CallRef::new("c"), leg: LEG.into(), prompt }).unwrap().1
        };
        assert!(matches!(farewell(None), Command::Hangup { cause: NORMAL, .. }));
        assert!(matches!(farewell(Some("bye")), Command::Farewell { prompt, .. } if prompt == "bye"));
    }

    #[test]
    fn a_leg_of_another_pbx_is_refused_and_nothing_ordered() {
        let refused = translated(Action::Hangup { leg: "1795.1".into(), cause: 16 });
        assert_eq!(refused, Err(Untranslatable::Leg("1795.1".into())));
    }
}
