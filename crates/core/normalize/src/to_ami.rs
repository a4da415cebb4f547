//! Actions of the engine, as AMI actions for the generated dialplan ([`crate::dialplan`]).
//!
//! Asterisk finds a channel by its Uniqueid as well as by its name (`ast_channel_get_by_name`), so a leg's reference
//! stands in `Channel:` as it is. Of several AMI actions for one of ours the deciding one carries our id as its
//! ActionID; the others carry the id, a dot and a number, so that nobody takes their answers for the outcome.

use std::collections::BTreeMap;

use hookswitch_ami::{Action as Ami, ActionError};
use hookswitch_model::{
    ActionId, LegRef, Millis, QueueId,
    call::Address,
    pbx::{Action, PbxAction},
};

use crate::dialplan::text::{Context, Device, Exten, InvalidText, MenuName, MusicClass, Prompt};

mod announce;
mod control;

pub use announce::Sounds;

/// What the configuration says of a PBX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where numbers are dialled.
    pub dial_context: Context,
    /// What waiting callers hear.
    pub music: MusicClass,
    /// Queues with music of their own.
    pub queue_music: BTreeMap<QueueId, MusicClass>,
    /// What waiting callers are told with.
    pub sounds: Sounds,
    /// Queues with sounds of their own.
    pub queue_sounds: BTreeMap<QueueId, Sounds>,
}

/// Why an action cannot be asked of Asterisk. It is refused as a whole; nothing of it may be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    /// A device or number that a dialplan would read as syntax.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// The contexts of the dialplan do not do that, as things are.
    #[error("cannot be asked of this PBX: {0}")]
    Unsupported(&'static str),
    /// Nothing to ring.
    #[error("no device to ring")]
    NoDevice,
    /// A header that may not go on the wire: most likely more devices than one line holds.
    #[error(transparent)]
    Header(#[from] ActionError),
}

/// The AMI actions for one of ours, in the order they must be sent.
///
/// # Errors
/// [`Untranslatable`] when a device, a number or a reference may not stand in a dialplan or on the wire.
pub fn translate(action: &PbxAction, settings: &Settings) -> Result<Vec<Ami>, Untranslatable> {
    let steps = match &action.action {
        Action::Ring { call: _, leg, devices, timeout } => ring(action.id, leg, devices, *timeout)?,
        Action::Withdraw { call: _, leg, ring, legs, all } => withdraw(leg, *ring, legs, *all),
        Action::NoteQueue { call: _, leg, queue } => {
            let music = settings.queue_music.get(queue).unwrap_or(&settings.music);
            vec![set(leg, "HS_MUSIC", music.as_str()), set(leg, "HS_QUEUE", queue.as_str())]
        }
        Action::SendTo { call: _, leg, number } => {
            vec![redirect(leg, settings.dial_context.as_str(), Exten::new(number)?.as_str())]
        }
        Action::Hangup { leg, cause } => vec![hangup(leg, *cause)],
        Action::FallBack { call: _, leg, why: _ } => vec![redirect(leg, "hookswitch-fallback", "s")],
        Action::Farewell { call: _, leg, prompt } => {
            let prompt = prompt.as_deref().map(Prompt::new).transpose()?;
            let prompt = prompt.as_ref().map_or("", Prompt::as_str);
            vec![set(leg, "HS_PROMPT", prompt), redirect(leg, "hookswitch-farewell", "s")]
        }
        Action::Announce { call: _, leg, queue, position, wait } => {
            let sounds = settings.queue_sounds.get(queue).unwrap_or(&settings.sounds);
            vec![set(leg, "HS_ANNOUNCE", &sounds.line(*position, *wait))]
        }
        Action::Menu { call: _, leg, menu } => {
            let menu = MenuName::new(menu.as_str())?;
            vec![redirect(leg, "hookswitch-menu", &menu.exten())]
        }
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
        | Action::Record { .. }
        | Action::CheckNumber { .. } => control::steps(action, settings)?,
        Action::Probe { call: _, leg } => vec![Ami::new("Status").header("Channel", leg.as_str())],
    };
    let deciding = steps.len().saturating_sub(1);
    let numbered = |(step, ami): (usize, Ami)| match step == deciding {
        true => ami.action_id(action.id),
        false => ami.action_id(format_args!("{}.{step}", action.id)),
    };
    let steps: Vec<Ami> = steps.into_iter().enumerate().map(numbered).collect();
    steps.iter().try_for_each(Ami::check)?;
    Ok(steps)
}

/// Sets what the ring context reads, then sends the caller there.
fn ring(
    id: ActionId,
    leg: &LegRef,
    devices: &[Address],
    timeout: Millis,
) -> Result<Vec<Ami>, Untranslatable> {
    Ok(vec![
        set(leg, "HS_RING", &dial_string(devices)?),
        set(leg, "HS_TIMEOUT", &seconds(timeout)),
        set(leg, "HS_OFFER", &id.to_string()),
        redirect(leg, "hookswitch-ring", "s"),
    ])
}

/// What Dial rings: all at once.
fn dial_string(devices: &[Address]) -> Result<String, Untranslatable> {
    if devices.is_empty() {
        return Err(Untranslatable::NoDevice);
    }
    let devices = devices.iter().map(|device| Device::new(device.as_str())).collect::<Result<Vec<_>, _>>()?;
    Ok(devices.iter().map(Device::as_str).collect::<Vec<_>>().join("&"))
}

/// For Dial, which takes 0 for no limit.
fn seconds(timeout: Millis) -> String {
    timeout.as_secs_ceil().max(1).to_string()
}

/// Notes the withdrawal first, so that a caller whose agent answers meanwhile goes back to waiting, too.
fn withdraw(caller: &LegRef, ring: ActionId, legs: &[LegRef], all: bool) -> Vec<Ami> {
    let note = all.then(|| set(caller, "HS_WITHDRAW", &ring.to_string()));
    note.into_iter().chain(legs.iter().map(|leg| hangup(leg, NORMAL_CLEARING))).collect()
}

/// Q.850 cause 16.
const NORMAL_CLEARING: u16 = 16;

fn set(leg: &LegRef, variable: &str, value: &str) -> Ami {
    Ami::new("Setvar").header("Channel", leg.as_str()).header("Variable", variable).header("Value", value)
}

fn redirect(leg: &LegRef, context: &str, exten: &str) -> Ami {
    Ami::new("Redirect")
        .header("Channel", leg.as_str())
        .header("Context", context)
        .header("Exten", exten)
        .header("Priority", "1")
}

fn hangup(leg: &LegRef, cause: u16) -> Ami {
    Ami::new("Hangup").header("Channel", leg.as_str()).header("Cause", cause.to_string())
}

#[cfg(test)]
mod tests {
    use hookswitch_model::{CallRef, MenuId, PbxId, Timestamp, pbx::GaveUp};

    use super::*;

    const ID: ActionId = ActionId::from_bits(7);

    fn settings() -> Settings {
        Settings {
            dial_context: Context::new("from-internal").unwrap(),
            music: MusicClass::new("default").unwrap(),
            queue_music: BTreeMap::from([(QueueId::new("gold").unwrap(), MusicClass::new("jazz").unwrap())]),
            sounds: Sounds::default(),
            queue_sounds: BTreeMap::new(),
        }
    }

    fn translated(action: Action) -> Result<Vec<String>, Untranslatable> {
        let action = PbxAction {
            id: ID,
            pbx: PbxId::new("hq").unwrap(),
            expires_at: Timestamp::from_millis(1),
            action,
        };
        let line =
            |ami: &Ami| ami.headers().map(|(k, v)| format!("{k}: {v}")).collect::<Vec<_>>().join(" | ");
        Ok(translate(&action, &settings())?.iter().map(line).collect())
    }

    fn caller() -> (CallRef, LegRef) {
        (CallRef::new("1795.1"), LegRef::new("1795.1"))
    }

    fn ring(devices: &[&str], timeout: Millis) -> Action {
        let (call, leg) = caller();
        Action::Ring { call, leg, devices: devices.iter().map(|d| Address::new(d)).collect(), timeout }
    }

    #[test]
    fn a_ring_sets_what_the_dialplan_reads_before_it_redirects() {
        assert_eq!(
            translated(ring(&["PJSIP/1001", "PJSIP/1011"], Millis(14_200))).unwrap(),
            [
                format!(
                    "Action: Setvar | Channel: 1795.1 | Variable: HS_RING | Value: PJSIP/1001&PJSIP/1011 | ActionID: {ID}.0"
                ),
                format!(
                    "Action: Setvar | Channel: 1795.1 | Variable: HS_TIMEOUT | Value: 15 | ActionID: {ID}.1"
                ),
                format!(
                    "Action: Setvar | Channel: 1795.1 | Variable: HS_OFFER | Value: {ID} | ActionID: {ID}.2"
                ),
                format!(
                    "Action: Redirect | Channel: 1795.1 | Context: hookswitch-ring | Exten: s | Priority: 1 | ActionID: {ID}"
                ),
            ]
        );
    }

    #[test]
    fn a_ring_never_lasts_for_ever() {
        // Dial takes 0 seconds for no limit.
        assert!(translated(ring(&["PJSIP/1001"], Millis(0))).unwrap()[1].contains("Value: 1 "));
    }

    #[test]
    fn a_device_cannot_carry_dialplan() {
        for device in
            ["PJSIP/1001&Zap/1", "PJSIP/1001,30,G(evil)", "${SHELL(id)}", "PJSIP/a b", "1001", "PJSIP/", ""]
        {
            assert!(translated(ring(&["PJSIP/1002", device], Millis(1_000))).is_err(), "{device:?}");
        }
        assert_eq!(translated(ring(&[], Millis(1_000))), Err(Untranslatable::NoDevice));
    }

    #[test]
    fn more_devices_than_a_line_holds_are_refused_not_cut() {
        let devices: Vec<String> = (1_000..1_200).map(|n| format!("PJSIP/{n}")).collect();
        let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
        assert!(matches!(translated(ring(&devices, Millis(1_000))), Err(Untranslatable::Header(_))));
    }

    #[test]
    fn a_reference_with_a_line_end_is_refused() {
        let leg = LegRef::new("1795.1\r\nAction: Command");
        assert!(matches!(translated(Action::Hangup { leg, cause: 16 }), Err(Untranslatable::Header(_))));
    }

    #[test]
    fn a_withdrawal_is_noted_before_the_phones_are_stopped() {
        let (call, leg) = caller();
        let (legs, ring) = (vec![LegRef::new("1795.2"), LegRef::new("1795.3")], ActionId::from_bits(5));
        let all =
            Action::Withdraw { call: call.clone(), leg: leg.clone(), ring, legs: legs.clone(), all: true };
        assert_eq!(
            translated(all).unwrap(),
            [
                format!(
                    "Action: Setvar | Channel: 1795.1 | Variable: HS_WITHDRAW | Value: {ring} | ActionID: {ID}.0"
                ),
                format!("Action: Hangup | Channel: 1795.2 | Cause: 16 | ActionID: {ID}.1"),
                format!("Action: Hangup | Channel: 1795.3 | Cause: 16 | ActionID: {ID}"),
            ]
        );
        // One of several agents is taken out: the caller goes on ringing the others.
        let one = Action::Withdraw { call, leg, ring, legs: legs[..1].to_vec(), all: false };
        assert_eq!(
            translated(one).unwrap(),
            [format!("Action: Hangup | Channel: 1795.2 | Cause: 16 | ActionID: {ID}")]
        );
    }

    #[test]
    fn a_queue_is_noted_with_its_own_music_or_the_common_one() {
        for (queue, music) in [("gold", "jazz"), ("support", "default")] {
            let (call, leg) = caller();
            let noted =
                translated(Action::NoteQueue { call, leg, queue: QueueId::new(queue).unwrap() }).unwrap();
            assert!(noted[0].contains(&format!("Variable: HS_MUSIC | Value: {music} |")), "{noted:?}");
            assert!(
                noted[1].contains(&format!("Variable: HS_QUEUE | Value: {queue} | ActionID: {ID}")),
                "{noted:?}"
            );
        }
    }

    #[test]
    fn a_number_is_dialled_in_the_dial_context_and_nothing_else_is() {
        let send = |number: &str| {
            let (call, leg) = caller();
            translated(Action::SendTo { call, leg, number: number.into() })
        };
        assert_eq!(
            send("+49301234567").unwrap(),
            [format!(
                "Action: Redirect | Channel: 1795.1 | Context: from-internal | Exten: +49301234567 | Priority: 1 | ActionID: {ID}"
            )]
        );
        for number in ["", "1,2", "1|2", "_X.", "${EXTEN}", "1\r\nAction: Command", "1;2", "1 2"] {
            assert!(send(number).is_err(), "{number:?}");
        }
    }

    #[test]
    fn a_farewell_says_checked_sounds_and_nothing_else() {
        let say = |prompt: Option<&str>| {
            let (call, leg) = caller();
            translated(Action::Farewell { call, leg, prompt: prompt.map(str::to_owned) })
        };
        for (prompt, value) in [(Some("vm-goodbye&custom/bye"), "vm-goodbye&custom/bye"), (None, "")] {
            assert_eq!(
                say(prompt).unwrap(),
                [
                    format!(
                        "Action: Setvar | Channel: 1795.1 | Variable: HS_PROMPT | Value: {value} | ActionID: {ID}.0"
                    ),
                    format!(
                        "Action: Redirect | Channel: 1795.1 | Context: hookswitch-farewell | Exten: s | Priority: 1 | ActionID: {ID}"
                    ),
                ]
            );
        }
        for prompt in ["", "a,b", "a b", "${SHELL(id)}", "a&&b", "5", "a&5", "a)b", "a\r\nAction: Command"] {
            assert!(say(Some(prompt)).is_err(), "{prompt:?}");
        }
    }

    #[test]
    fn the_others_are_one_action_each() {
        let (call, leg) = caller();
        assert_eq!(
            translated(Action::FallBack { call: call.clone(), leg: leg.clone(), why: GaveUp::Nobody })
                .unwrap(),
            [format!(
                "Action: Redirect | Channel: 1795.1 | Context: hookswitch-fallback | Exten: s | Priority: 1 | ActionID: {ID}"
            )]
        );
        assert_eq!(
            translated(Action::Probe { call: call.clone(), leg: leg.clone() }).unwrap(),
            [format!("Action: Status | Channel: 1795.1 | ActionID: {ID}")]
        );
        let queue = QueueId::new("support").unwrap();
        let announce = Action::Announce {
            call: call.clone(),
            leg: leg.clone(),
            queue,
            position: Some(2),
            wait: Some(Millis::from_secs(200)),
        };
        assert_eq!(
            translated(announce).unwrap(),
            [format!(
                "Action: Setvar | Channel: 1795.1 | Variable: HS_ANNOUNCE | Value: queue-thereare&2&queue-callswaiting&queue-holdtime&4&queue-minutes&queue-thankyou | ActionID: {ID}"
            )]
        );
        let menu = Action::Menu { call, leg: leg.clone(), menu: MenuId::new("main").unwrap() };
        assert_eq!(
            translated(menu).unwrap(),
            [format!(
                "Action: Redirect | Channel: 1795.1 | Context: hookswitch-menu | Exten: menu-main | Priority: 1 | ActionID: {ID}"
            )]
        );
        assert_eq!(
            translated(Action::Hangup { leg, cause: 21 }).unwrap(),
            [format!("Action: Hangup | Channel: 1795.1 | Cause: 21 | ActionID: {ID}")]
        );
    }
}
