//! Which endpoints are phones and which lead outside.

use std::collections::BTreeMap;

use super::{Confidence, Dialplan, Endpoint, Findings};

/// An endpoint, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// `PJSIP/1001`.
    pub address: String,
    /// `1001`.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// How sure that is.
    pub confidence: Confidence,
    /// What speaks for it.
    pub evidence: Vec<&'static str>,
    /// Whose it is, by caller ID, mailbox or queue.
    pub person: Option<String>,
    /// What others dial to reach it.
    pub extension: Option<String>,
    /// Where its calls begin.
    pub context: Option<String>,
}

/// What an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Somebody's phone.
    Phone,
    /// It leads outside.
    Trunk,
}

/// What a `Dial` rings: the endpoint, and whether a number is handed to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) endpoint: String,
    pub(super) number: bool,
}

/// Every endpoint with what it most likely is.
#[must_use]
pub fn devices(findings: &Findings) -> Vec<Device> {
    let usual = usual_context(findings);
    let mut devices: Vec<Device> = findings
        .endpoints
        .iter()
        // Asterisk's own, for calls of strangers.
        .filter(|(name, _)| !matches!(name.as_str(), "anonymous" | "default" | "dpma_endpoint"))
        .map(|(name, endpoint)| judged(findings, name, endpoint, usual.as_deref()))
        .collect();
    let outside: Vec<String> = devices
        .iter()
        .filter(|device| device.role == Role::Trunk)
        .filter_map(|device| device.context.clone())
        .collect();
    for device in devices.iter_mut().filter(|device| device.role == Role::Phone) {
        device.extension = extension(findings, device, &outside);
        device.person = person(findings, device);
    }
    devices
}

/// Where most devices begin: there are more phones than trunks.
fn usual_context(findings: &Findings) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for context in findings.endpoints.values().filter_map(|endpoint| endpoint.context.as_deref()) {
        *counts.entry(context).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(context, _)| context.to_owned())
}

fn judged(findings: &Findings, name: &str, endpoint: &Endpoint, usual: Option<&str>) -> Device {
    let address = format!("{}/{name}", endpoint.technology);
    let context = endpoint.context.as_deref();
    let registration = findings
        .registrations
        .iter()
        .any(|registration| registration.endpoint.as_deref() == Some(name) || registration.name == name);
    let gets_numbers = findings
        .dialplan
        .steps()
        .flat_map(|(.., step)| targets(&step.application, &step.data))
        .any(|target| target.number && target.endpoint == name);
    let outside_word = |context: &str| {
        let context = context.to_ascii_lowercase();
        ["trunk", "pstn", "outside", "carrier", "inbound", "did"].iter().any(|word| context.contains(word))
    };
    let numeric = name.bytes().all(|byte| byte.is_ascii_digit());
    let registered =
        findings.contacts.iter().any(|contact| contact.endpoint == name) && endpoint.fixed_contact.is_none();
    let serves =
        findings.queues.values().flat_map(|queue| &queue.members).any(|member| member.device == address);
    let signs: [(bool, i32, &'static str); 10] = [
        (registration, 3, "the PBX registers there"),
        (!endpoint.identified_by.is_empty(), 2, "it is recognised by its address"),
        (gets_numbers, 2, "the dialplan dials numbers through it"),
        (endpoint.outbound_auth, 1, "the PBX logs in there"),
        (endpoint.fixed_contact.is_some(), 1, "its address is fixed"),
        (context.is_some() && context != usual, 1, "its calls begin in a context of their own"),
        (context.is_some_and(outside_word), 1, "its context is named after the outside"),
        (numeric, -1, "it has a number for a name"),
        (registered, -2, "it registers"),
        (serves, -4, "it serves a queue"),
    ];
    let points: i32 = signs.iter().filter(|(holds, ..)| *holds).map(|(_, points, _)| points).sum();
    let role = if points >= 2 { Role::Trunk } else { Role::Phone };
    let side = if role == Role::Trunk { 1 } else { -1 };
    let evidence = signs.iter().filter(|(holds, points, _)| *holds && points.signum() == side);
    let confidence = match (points - 2).abs() {
        3.. => Confidence::Certain,
        1.. => Confidence::Likely,
        _ => Confidence::Guess,
    };
    Device {
        address,
        name: name.to_owned(),
        role,
        confidence,
        evidence: evidence.map(|(.., what)| *what).collect(),
        person: None,
        extension: None,
        context: context.map(str::to_owned),
    }
}

/// What others dial to reach a phone: its own name where that can be dialled, else a hint, or an extension that rings it
/// alone.
fn extension(findings: &Findings, device: &Device, outside: &[String]) -> Option<String> {
    let inside =
        |context: &str| !outside.iter().any(|one| one == context) && !context.starts_with("hookswitch");
    let steps = || findings.dialplan.steps().filter(|(context, ..)| inside(context));
    let plain = |exten: &str| exten.bytes().all(|byte| byte.is_ascii_digit());
    let own_context = device.context.as_deref().unwrap_or_default();
    if plain(&device.name) && findings.dialplan.answers(own_context, &device.name) {
        return Some(device.name.clone());
    }
    let hint = steps().find(|(_, exten, step)| {
        step.priority == 0 && plain(exten) && step.application.split('&').any(|one| one == device.address)
    });
    let alone = || {
        steps().find(|(_, exten, step)| {
            plain(exten)
                && matches!(&targets(&step.application, &step.data)[..],
                    [only] if !only.number && only.endpoint == device.name)
        })
    };
    let found = hint.or_else(alone).map(|(_, exten, _)| exten.to_owned());
    found.or_else(|| plain(&device.name).then(|| device.name.clone()))
}

fn person(findings: &Findings, device: &Device) -> Option<String> {
    let endpoint = findings.endpoints.get(&device.name)?;
    let caller_id = endpoint.caller_id.as_deref().map(|text| text.split('<').next().unwrap_or_default());
    // `"Alice \"Ali\" Zhang" <1010>`
    let caller_id =
        caller_id.map(|name| name.trim().trim_matches('"').replace("\\\"", "\"").trim().to_owned());
    let members = findings.queues.values().flat_map(|queue| &queue.members);
    let member = || members.into_iter().find(|member| member.device == device.address);
    let member = member().map(|member| member.name.as_str()).filter(|name| !name.contains('/'));
    let mailbox = device.extension.as_deref().and_then(|exten| findings.mailboxes.get(exten));
    let of_pbx = || mailbox.map(String::as_str).or(member).map(str::to_owned);
    caller_id.filter(|name| !name.is_empty()).or_else(of_pbx)
}

/// What an application rings: `PJSIP/1001&PJSIP/1002,30`, `PJSIP/${EXTEN}@carrier`, `SIP/carrier/${EXTEN}`.
pub(super) fn targets(application: &str, data: &str) -> Vec<Target> {
    if application != "Dial" {
        return Vec::new();
    }
    let devices = data.split(',').next().unwrap_or_default();
    let target = |device: &str| {
        let (technology, rest) = device.split_once('/')?;
        matches!(technology, "PJSIP" | "SIP").then_some(())?;
        let (endpoint, number) = match (rest.split_once('/'), rest.rsplit_once('@')) {
            (Some((endpoint, _)), _) => (endpoint, true),
            (None, Some((_, endpoint))) => (endpoint, true),
            (None, None) => (rest, false),
        };
        Some(Target { endpoint: endpoint.to_owned(), number })
    };
    devices.split('&').filter_map(target).collect()
}

/// Whether an extension of the dialplan takes what is dialled: `_9X.` takes `9030…` (Asterisk: `X` 0-9, `Z` 1-9, `N`
/// 2-9, `[…]` one of these, `.` one or more, `!` anything).
pub(super) fn takes(exten: &str, dialled: &str) -> bool {
    let Some(pattern) = exten.strip_prefix('_') else { return exten == dialled };
    let mut pattern = pattern.chars();
    let mut dialled = dialled.chars();
    while let Some(mark) = pattern.next() {
        let set: String = match mark {
            '.' => return dialled.next().is_some(),
            '!' => return true,
            '-' => continue,
            '[' => pattern.by_ref().take_while(|c| *c != ']').collect(),
            'X' | 'x' => "0-9".to_owned(),
            'Z' | 'z' => "1-9".to_owned(),
            'N' | 'n' => "2-9".to_owned(),
            plain => plain.to_string(),
        };
        if !dialled.next().is_some_and(|c| within(&set, c)) {
            return false;
        }
    }
    dialled.next().is_none()
}

fn within(set: &str, c: char) -> bool {
    let marks: Vec<char> = set.chars().collect();
    let range = |three: &[char]| matches!(three, [from, '-', to] if (*from..=*to).contains(&c));
    marks.contains(&c) && (c != '-' || marks.len() == 1) || marks.windows(3).any(range)
}

/// The extensions of a context that ring the outside.
pub(super) fn outward<'d>(dialplan: &'d Dialplan, context: &str, trunks: &[&Device]) -> Vec<&'d str> {
    let reachable = dialplan.reachable(context);
    let leads_out = |exten: &str| {
        dialplan.steps().any(|(_, there, step)| {
            there == exten
                && targets(&step.application, &step.data)
                    .iter()
                    .any(|target| trunks.iter().any(|trunk| trunk.name == target.endpoint))
        })
    };
    reachable.into_iter().map(|(_, exten)| exten).filter(|exten| leads_out(exten)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_what_asterisk_would_send_them() {
        for (exten, dialled, taken) in [
            ("_9X.", "9030555", true),
            ("_9X.", "9", false),
            ("_+X.", "+4930", true),
            ("_10XX", "1001", true),
            ("_10XX", "10011", false),
            ("_[+*#0-9]!", "*50", true),
            ("_[+*#0-9]!", "a", false),
            ("_NXXNXXXXXX", "2125551234", true),
            ("_NXXNXXXXXX", "1125551234", false),
            ("600", "600", true),
            ("600", "6001", false),
        ] {
            assert_eq!(takes(exten, dialled), taken, "{exten} {dialled}");
        }
    }

    #[test]
    fn a_dialled_number_belongs_to_its_trunk() {
        let told =
            |data| targets("Dial", data).into_iter().map(|t| (t.endpoint, t.number)).collect::<Vec<_>>();
        assert_eq!(told("PJSIP/1001&PJSIP/1002,30,tk"), [("1001".into(), false), ("1002".into(), false)]);
        assert_eq!(told("PJSIP/${EXTEN:1}@carrier,60"), [("carrier".into(), true)]);
        assert_eq!(told("SIP/carrier/${EXTEN}"), [("carrier".into(), true)]);
        assert_eq!(told("PJSIP/trunk/sip:${EXTEN}@192.0.2.1:5060,30"), [("trunk".into(), true)]);
        assert_eq!(told("Local/1@x"), []);
    }
}
