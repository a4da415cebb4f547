//! An Asterisk's log-in, what its AMI user may do, and `manager.conf`.

use std::collections::BTreeSet;

use hookswitch_ami::EventName;
use hookswitch_normalize::{
    dialplan::{AMI_CLASSES, CHANNELVARS},
    survey::{ConfigFile, NEEDED_READ, NEEDED_WRITE, Question, Reply, rights},
};

use super::{
    Patient,
    finding::{Finding, Subject},
};
use crate::cli::discover::visit::{Host, VisitError};

/// Events of classes that are not asked for: to switch them off only helps.
const SPARED: [&str; 3] = ["VarSet", "Newexten", "TestEvent"];
const RELOAD: &str = "then: asterisk -rx 'manager reload'";

/// The PBX did not let us in.
pub(super) fn closed(subject: &Subject, host: &Host, error: &VisitError) -> Finding {
    let user = &host.username;
    match error {
        VisitError::Unreachable { .. } | VisitError::Lost { .. } => {
            let port = host.address.port;
            subject.fail("address", error.to_string()).at("manager.conf [general]").mend([
                "enabled = yes".to_owned(),
                format!("port = {port}"),
                "bindaddr = 127.0.0.1   ; or the address the daemon reaches it at".to_owned(),
                format!("{RELOAD}; {}", error.hint()),
            ])
        }
        VisitError::Tls { .. } => subject.fail("tls", error.to_string()).mend([error.hint()]),
        VisitError::Refused { .. } => {
            let said = format!(
                "{error}: the secret of {user} is another one, or its permit leaves this machine out"
            );
            subject.fail("log-in", said).at(format!("manager.conf [{user}]")).mend([
                "secret = (the one the configuration's `secret` gives)".to_owned(),
                "permit = (the address of this machine)/255.255.255.255".to_owned(),
                RELOAD.to_owned(),
            ])
        }
    }
}

/// The PBX let us in.
pub(super) fn opened(subject: &Subject, host: &Host) -> Finding {
    let wire = match (&host.tls, host.is_private()) {
        (hookswitch_config::Tls::Off, true) => "on this machine",
        (hookswitch_config::Tls::Off, false) => "in the clear",
        (hookswitch_config::Tls::System | hookswitch_config::Tls::Ca(_), _) => "by TLS",
    };
    subject.ok("log-in", format!("{} is logged in at {}, {wire}", host.username, host.address))
}

/// Version, rights, `manager.conf`, modules.
pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let mut findings = vec![version(patient), write_classes(patient), read_classes(patient)];
    findings.push(event_filter(patient));
    findings.extend(general(patient));
    findings.extend(modules(patient));
    findings
}

fn version(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let Some(version) = &patient.findings.version else {
        return subject.unknown("version", "the PBX does not tell its version");
    };
    let major: Option<u32> = version.split(['.', '-', '~']).next().and_then(|major| major.parse().ok());
    match major {
        Some(16..=22) => subject.ok("version", format!("Asterisk {version}")),
        Some(_) | None => subject.warn("version", format!("Asterisk {version}; tried were 16 to 22")),
    }
}

/// `read` or `write` with what is missing.
fn class_lines(key: &str) -> [String; 2] {
    [format!("{key} = {AMI_CLASSES}"), RELOAD.to_owned()]
}

fn write_classes(patient: &Patient<'_>) -> Finding {
    let (subject, user) = (&patient.subject, &patient.host.username);
    let Some(missing) = rights(patient.findings, user).missing_write else {
        let said = "this PBX does not list which actions the user may send (ListCommands)";
        return subject.unknown("write classes", said);
    };
    let needed = |class: &&str| patient.routes() || matches!(*class, "system" | "reporting");
    let missing: Vec<&str> = missing.into_iter().filter(needed).collect();
    if missing.is_empty() {
        return subject.ok("write classes", format!("{user} may send what the daemon sends"));
    }
    let losses = NEEDED_WRITE.iter().filter(|(class, ..)| missing.contains(class));
    let losses: Vec<&str> = losses.map(|(.., loss)| *loss).collect();
    let said = format!("{user} lacks {}: {}", missing.join(", "), losses.join("; "));
    subject.fail("write classes", said).at(format!("manager.conf [{user}] write")).mend(class_lines("write"))
}

fn read_classes(patient: &Patient<'_>) -> Finding {
    let (subject, user) = (&patient.subject, &patient.host.username);
    let Some(missing) = rights(patient.findings, user).missing_read else {
        return subject.unknown("read classes", own_section_unread(patient));
    };
    if missing.is_empty() {
        return subject.ok("read classes", format!("{user} reads {}", NEEDED_READ.join(", ")));
    }
    let said =
        format!("{user} lacks {}: events of it do not come, so calls are not seen whole", missing.join(", "));
    subject.fail("read classes", said).at(format!("manager.conf [{user}] read")).mend(class_lines("read"))
}

/// Why the user's section was not looked at.
fn own_section_unread(patient: &Patient<'_>) -> String {
    let user = &patient.host.username;
    let section = Question::Config { file: "manager.conf", section: Some(user.clone()) };
    match patient.findings.reply(&section) {
        Reply::Refused(why) => format!("manager.conf [{user}] cannot be read: the PBX said {why:?}"),
        Reply::NotAsked => {
            format!(
                "manager.conf [{user}] is not asked for: it has the secret, and the wire is in the clear; set `tls`"
            )
        }
        Reply::Given => format!("manager.conf has no section [{user}]; another file makes the user"),
    }
}

fn event_filter(patient: &Patient<'_>) -> Finding {
    let (subject, user) = (&patient.subject, &patient.host.username);
    let Some(section) = patient.findings.user(user) else {
        return subject.unknown("event filter", own_section_unread(patient));
    };
    let harmful: Vec<&String> = section.filters.iter().filter(|filter| takes_needed(filter)).collect();
    if harmful.is_empty() {
        return subject.ok("event filter", "none that takes away an event that is needed");
    }
    let lines: Vec<String> = harmful.iter().map(|filter| format!("; eventfilter = {filter}")).collect();
    let said = format!("{} of {user} takes away events that are needed", lines[0].trim_start_matches("; "));
    let place = format!("manager.conf [{user}] eventfilter");
    subject.fail("event filter", said).at(place).mend(lines.into_iter().chain([RELOAD.to_owned()]))
}

/// A filter with `!` takes away what matches, one without lets nothing else through.
fn takes_needed(filter: &str) -> bool {
    match filter.trim().strip_prefix('!') {
        None => true,
        Some(out) => !SPARED.iter().any(|event| out.contains(event)) && !out.contains("RTCP"),
    }
}

/// `[general]` of `manager.conf`.
fn general(patient: &Patient<'_>) -> Vec<Finding> {
    let subject = &patient.subject;
    let question = Question::Config { file: "manager.conf", section: Some("general".to_owned()) };
    let Some(file) = patient.findings.file("manager.conf", Some("general")) else {
        let why = match patient.findings.reply(&question) {
            Reply::Refused(why) => why,
            Reply::Given | Reply::NotAsked => "it was not asked",
        };
        return vec![
            subject.unknown("manager.conf", format!("[general] cannot be read: the PBX said {why:?}")),
        ];
    };
    vec![disabled_events(subject, file), channel_variables(patient, file), open_to(patient, file)]
}

fn disabled_events(subject: &Subject, file: &ConfigFile) -> Finding {
    let disabled = file.get("general", "disabledevents").unwrap_or_default();
    let names = || disabled.split(',').map(str::trim).filter(|name| !name.is_empty());
    let is_needed =
        |name: &&str| !SPARED.contains(name) && EventName::of(name.as_bytes()) != EventName::Unknown;
    let needed: Vec<&str> = names().filter(is_needed).collect();
    if needed.is_empty() {
        let said = match disabled {
            "" => {
                "none; on a busy PBX `disabledevents = VarSet,Newexten,TestEvent` spares it most of its work"
            }
            _ => "none that is needed",
        };
        return subject.ok("disabledevents", said);
    }
    let left: Vec<&str> = names().filter(|name| !needed.contains(name)).collect();
    let said = format!("the PBX sends no {}: calls are not seen whole", needed.join(", "));
    subject.fail("disabledevents", said).at("manager.conf [general] disabledevents").mend([
        format!("disabledevents = {}", if left.is_empty() { SPARED.join(",") } else { left.join(",") }),
        RELOAD.to_owned(),
    ])
}

fn channel_variables(patient: &Patient<'_>, file: &ConfigFile) -> Finding {
    let subject = &patient.subject;
    let split = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<BTreeSet<_>>();
    let theirs: BTreeSet<String> = file.all("general", "channelvars").into_iter().flat_map(split).collect();
    let ours = split(CHANNELVARS);
    let missing: Vec<&str> = ours.difference(&theirs).map(String::as_str).collect();
    let place = "manager.conf [general] channelvars";
    if !missing.is_empty() {
        let all: Vec<&str> =
            CHANNELVARS.split(',').chain(theirs.difference(&ours).map(String::as_str)).collect();
        let all: Vec<&str> = all.into_iter().filter(|name| !name.is_empty()).collect();
        let said = format!(
            "{} missing: calls cannot be followed through the dialplan, and withheld numbers are not known as such",
            missing.join(", ")
        );
        let mend = [format!("channelvars = {}", all.join(",")), RELOAD.to_owned()];
        return subject.fail("channelvars", said).at(place).mend(mend);
    }
    let live = patient.findings.chan_variables.as_ref();
    match live.filter(|live| !ours.iter().all(|name| live.contains(name))) {
        Some(_) => {
            let said = "they stand in manager.conf, but the channels that are up now do not carry them";
            subject.fail("channelvars", said).at(place).mend(["asterisk -rx 'manager reload'"])
        }
        None => subject.ok("channelvars", format!("all {} are there", ours.len())),
    }
}

/// Who can reach AMI.
fn open_to(patient: &Patient<'_>, file: &ConfigFile) -> Finding {
    let (subject, user) = (&patient.subject, &patient.host.username);
    let bound = file.get("general", "bindaddr").unwrap_or("0.0.0.0");
    let anywhere = matches!(bound, "0.0.0.0" | "::" | "[::]");
    let restricted = patient.findings.user(user).is_some_and(|section| section.restricted);
    if !anywhere || restricted {
        return subject.ok(
            "bindaddr",
            format!("AMI listens on {bound}{}", if restricted { ", with permit" } else { "" }),
        );
    }
    let said =
        format!("AMI listens on every address ({bound}), and nothing says from where {user} may log in");
    subject.warn("bindaddr", said).at(format!("manager.conf [general] bindaddr, [{user}] permit")).mend([
        "bindaddr = 127.0.0.1".to_owned(),
        format!("or in [{user}]: deny = 0.0.0.0/0.0.0.0, permit = (the daemon's address)/255.255.255.255"),
        RELOAD.to_owned(),
    ])
}

fn modules(patient: &Patient<'_>) -> Option<Finding> {
    let subject = &patient.subject;
    let known = &patient.findings.modules;
    if !patient.routes() {
        return None;
    }
    if known.is_empty() {
        return Some(
            subject.unknown("modules", "this PBX does not tell which modules are loaded (ModuleCheck)"),
        );
    }
    let absent: Vec<&str> = known.iter().filter(|(_, loaded)| !**loaded).map(|(name, _)| *name).collect();
    if absent.is_empty() {
        return Some(
            subject.ok("modules", format!("all {} that the dialplan needs are loaded", known.len())),
        );
    }
    let said = format!("{} not loaded: {}", absent.join(", "), losses(&absent).join("; "));
    let load = absent.iter().map(|name| format!("load = {name}.so"));
    let lines = load.chain(["then: asterisk -rx 'module load NAME'".to_owned()]);
    let vital = absent.iter().any(|name| matches!(*name, "app_userevent" | "func_logic"));
    let finding = if vital { subject.fail("modules", said) } else { subject.warn("modules", said) };
    Some(finding.at("modules.conf").mend(lines))
}

fn losses(absent: &[&str]) -> Vec<&'static str> {
    let loss = |name: &&str| match *name {
        "app_userevent" | "func_logic" => "no caller can be routed",
        "app_confbridge" => "no conferences",
        "app_chanspy" => "supervisors cannot listen in",
        "app_mixmonitor" => "no recording",
        "res_pjsip_notify" => "phones cannot be told to answer",
        _ => "something the printed dialplan uses",
    };
    absent.iter().map(loss).collect()
}
