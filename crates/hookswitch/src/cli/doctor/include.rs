//! The dialplan that is loaded, against the one the configuration makes; and the heartbeat it looks at.

use hookswitch_config::Fallback;
use hookswitch_normalize::survey::{Dialplan, Difference, Question, Reply};

use super::{Patient, finding::Finding};
use crate::daemon::settings;

const PLACE: &str = "/etc/asterisk/hookswitch.conf, included in extensions.conf";
/// The dialplan gives callers to the fallback when the heartbeat is older than this.
const STALE: f64 = 9.0;

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let subject = &patient.subject;
    if !patient.routes() {
        return vec![subject.ok("mode", "observe: calls are watched, nothing of the dialplan is needed")];
    }
    let mut findings = vec![subject.ok("mode", mode(patient))];
    if let Reply::Refused(why) = patient.findings.reply(&Question::Dialplan) {
        findings.push(subject.unknown("dialplan", format!("it cannot be listed: the PBX said {why:?}")));
    } else {
        let include = include(patient);
        let there = patient.findings.dialplan.has("hookswitch");
        findings.push(include);
        findings.push(dial_context(patient));
        findings.extend(fallback(patient));
        findings.extend(there.then(|| handed_over(patient)));
    }
    findings.push(heartbeat(patient));
    findings
}

/// What of the PBX's own queues goes on beside.
fn mode(patient: &Patient<'_>) -> String {
    let ours: Vec<&str> = patient
        .findings
        .queues
        .keys()
        .filter(|name| patient.config.queues.iter().any(|queue| queue.setup.id == name.as_str()))
        .map(String::as_str)
        .collect();
    if ours.is_empty() {
        return "route: callers are distributed by Hookswitch".to_owned();
    }
    format!(
        "route: callers handed over are distributed by Hookswitch; those in the PBX's own queue {} are not",
        ours.join(", ")
    )
}

fn include(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let name = &patient.pbx.name;
    let printed = settings::dialplans(patient.config).unwrap_or_default();
    let Some((_, text)) = printed.into_iter().find(|(pbx, _)| pbx == name) else {
        return subject.unknown("dialplan", "`hookswitch dialplan` prints nothing for this PBX");
    };
    let loaded = &patient.findings.dialplan;
    let print = format!("hookswitch dialplan {name} > /etc/asterisk/hookswitch.conf");
    let reload = "asterisk -rx 'dialplan reload'".to_owned();
    if !loaded.has("hookswitch") {
        let said = "the generated contexts are not loaded: a number handed over would be hung up on";
        let include = "echo '#include hookswitch.conf' >> /etc/asterisk/extensions.conf".to_owned();
        return subject.fail("dialplan", said).at(PLACE).mend([print, include, reload]);
    }
    let printed = Dialplan::printed(&text);
    match printed.differs(loaded, 3).as_slice() {
        [] => {
            subject.ok("dialplan", format!("the {} generated contexts are loaded as printed", printed.len()))
        }
        several => {
            let told: Vec<String> = several.iter().map(tell).collect();
            let said = format!("what is loaded is not what this configuration makes: {}", told.join("; "));
            subject.fail("dialplan", said).at(PLACE).mend([print, reload])
        }
    }
}

fn tell(difference: &Difference) -> String {
    match difference {
        Difference::Context(context) => format!("[{context}] is not loaded"),
        Difference::Include { context, included } => format!("[{context}] does not include {included}"),
        Difference::Step { place, loaded, printed } => {
            let shown = |step: &Option<String>| step.clone().unwrap_or_else(|| "nothing".to_owned());
            format!("{place} is {} instead of {}", shown(loaded), shown(printed))
        }
    }
}

fn dial_context(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let context = &patient.asterisk.dial_context;
    let own: Vec<&str> = patient.findings.dialplan.extens(context).collect();
    if own.is_empty() {
        let said =
            format!("no extension is in [{context}]: neither transfers nor click-to-dial reach anybody");
        let place = format!("{}.dial_context", patient.pbx.key);
        return subject
            .fail("dial_context", said)
            .at(place)
            .mend(["dial_context = \"(the context of the phones)\""]);
    }
    subject.ok("dial_context", format!("[{context}] has {} extensions", own.len()))
}

fn fallback(patient: &Patient<'_>) -> Option<Finding> {
    let subject = &patient.subject;
    let place = format!("{}.fallback", patient.pbx.key);
    match patient.asterisk.fallback.as_ref()? {
        Fallback::Goto(goto) => {
            let (context, rest) = goto.split_once(',')?;
            let exten = rest.split(',').next().unwrap_or_default();
            Some(if patient.findings.dialplan.answers(context, exten) {
                subject.ok("fallback", format!("{goto} is there"))
            } else {
                let said = format!("{goto} is not in the dialplan: callers are lost when the daemon is away");
                subject
                    .fail("fallback", said)
                    .at(place)
                    .mend(["fallback = { goto = \"context,extension,1\" }"])
            })
        }
        Fallback::Dial(devices) => {
            let missing: Vec<&str> = devices.split('&').filter(|one| !exists(patient, one)).collect();
            Some(if missing.is_empty() {
                subject.ok("fallback", format!("{devices} is there"))
            } else {
                let said = format!(
                    "{} is not on this PBX: callers are lost when the daemon is away",
                    missing.join(", ")
                );
                subject.fail("fallback", said).at(place).mend(["fallback = { dial = \"PJSIP/1008\" }"])
            })
        }
    }
}

/// Whether a PJSIP or SIP device is there; of others nothing is known.
fn exists(patient: &Patient<'_>, device: &str) -> bool {
    let known = device.split_once('/').filter(|(technology, _)| matches!(*technology, "PJSIP" | "SIP"));
    let listed = !patient.findings.endpoints.is_empty();
    known.is_none_or(|(_, name)| !listed || patient.findings.endpoints.contains_key(name))
}

fn handed_over(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let hands_over = |application: &str, data: &str| {
        matches!(application, "Goto" | "GotoIf" | "ExecIf" | "Gosub") && data.contains("hookswitch,")
    };
    let steps = patient.findings.dialplan.steps();
    let numbers: Vec<String> = steps
        .filter(|(context, _, step)| {
            !context.starts_with("hookswitch") && hands_over(&step.application, &step.data)
        })
        .map(|(context, exten, _)| format!("{exten} in [{context}]"))
        .collect();
    match numbers.as_slice() {
        [] => subject
            .warn("numbers", "no number of the dialplan is handed over, so no caller comes")
            .at("extensions.conf")
            .mend(["exten => NUMBER,1,Goto(hookswitch,${EXTEN},1)", "then: asterisk -rx 'dialplan reload'"]),
        [first] => subject.ok("numbers", format!("handed over: {first}")),
        [first, rest @ ..] => subject.ok("numbers", format!("handed over: {first} and {} more", rest.len())),
    }
}

/// The daemon writes the PBX's own time there every three seconds.
fn heartbeat(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let (Some(value), Some(clock)) = (&patient.findings.heartbeat, patient.findings.clock) else {
        return subject.unknown("heartbeat", "HS_HEARTBEAT or the PBX's clock cannot be read");
    };
    let age = value.parse::<f64>().ok().filter(|beat| *beat > 0.0).map(|beat| clock - beat);
    match age {
        Some(age) if age <= STALE => subject.ok("heartbeat", format!("written {:.0} s ago", age.max(0.0))),
        Some(_) | None if patient.daemon => {
            let said =
                "a daemon runs here but writes no heartbeat to this PBX: every caller goes to the fallback";
            subject.fail("heartbeat", said).at("global variable HS_HEARTBEAT").mend([
                "hookswitch tail --types pbx.link   # is the link up?",
                "is this the configuration the daemon runs on?",
            ])
        }
        Some(_) | None => subject
            .warn("heartbeat", "no daemon writes it: callers go to the fallback")
            .mend(["hookswitch serve"]),
    }
}
