//! Agents' devices: whether they are there, registered, and reachable behind a router.

use std::net::IpAddr;

use hookswitch_normalize::survey::{Question, Reply};

use super::{Patient, finding::Finding};

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let subject = &patient.subject;
    if let Reply::Refused(why) = patient.findings.reply(&Question::Endpoints) {
        return vec![subject.unknown("devices", format!("they cannot be listed: the PBX said {why:?}"))];
    }
    vec![devices(patient), registrations(patient), routers(patient)]
}

/// Name and agent of each device that is an endpoint of this PBX.
fn agents<'a>(patient: &'a Patient<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let agents = patient.config.agents.iter().filter(|agent| agent.setup.pbx == patient.pbx.name);
    agents.flat_map(|agent| {
        let endpoint = |device: &'a hookswitch_model::call::Address| {
            let (technology, name) = device.as_str().split_once('/')?;
            matches!(technology, "PJSIP" | "SIP").then_some(name)
        };
        agent.setup.devices.iter().filter_map(endpoint).map(|name| (name, agent.setup.id.as_str()))
    })
}

fn devices(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let missing: Vec<String> = agents(patient)
        .filter(|(name, _)| !patient.findings.endpoints.contains_key(*name))
        .map(|(name, agent)| format!("{name} of {agent}"))
        .collect();
    if missing.is_empty() {
        return subject.ok("devices", format!("all {} devices of agents are there", agents(patient).count()));
    }
    let said = format!("not on this PBX: {}; no call can be offered there", missing.join(", "));
    subject.fail("devices", said).at("[[agent]] devices").mend([
        "asterisk -rx 'pjsip show endpoints'   # what is there".to_owned(),
        format!("hookswitch discover {}   # proposes names that are", patient.pbx.name),
    ])
}

fn registrations(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let is_gone = |name: &str| {
        let state = patient.findings.endpoints.get(name).and_then(|endpoint| endpoint.state.as_deref());
        state.is_some_and(|state| {
            matches!(state, "Unavailable" | "Invalid") || state.starts_with("UNREACHABLE")
        })
    };
    let gone: Vec<String> = agents(patient)
        .filter(|(name, _)| is_gone(name))
        .map(|(name, agent)| format!("{name} of {agent}"))
        .collect();
    if gone.is_empty() {
        return subject.ok("registrations", "every agent's device can be reached");
    }
    let said = format!("not registered now: {}", gone.join(", "));
    let mend = "switch the phones on; asterisk -rx 'pjsip show contacts' lists those that are";
    subject.warn("registrations", said).mend([mend])
}

/// A phone that names an address inside in its Contact while its requests come from another is behind a router.
fn routers(patient: &Patient<'_>) -> Finding {
    let subject = &patient.subject;
    let behind = |name: &str| {
        let contacts = patient.findings.contacts.iter().filter(|contact| contact.endpoint == name);
        let mut hidden = contacts.filter_map(|contact| {
            let (said, seen) = (host(&contact.uri)?, host(contact.via.as_deref()?)?);
            Some(is_private(said) && said != seen && !is_private(seen))
        });
        let endpoint = patient.findings.endpoints.get(name);
        let mended = endpoint.is_some_and(|endpoint| endpoint.rewrites_contact == Some(true));
        hidden.any(|hidden| hidden) && !mended
    };
    let names: Vec<&str> = agents(patient).map(|(name, _)| name).filter(|name| behind(name)).collect();
    if names.is_empty() {
        return subject.ok("nat", "no agent's device is behind a router without rewrite_contact");
    }
    let said = format!("behind a router, so calls do not reach them: {}", names.join(", "));
    subject.warn("nat", said).at("pjsip.conf, the endpoints").mend([
        "rewrite_contact = yes",
        "rtp_symmetric = yes",
        "force_rport = yes",
        "direct_media = no",
    ])
}

/// The address in `sip:1001@192.0.2.7:5060;x`, `192.0.2.7:5060`.
fn host(text: &str) -> Option<IpAddr> {
    let text = text.rsplit('@').next()?.trim_start_matches("sip:").split([';', '>']).next()?;
    text.parse().ok().or_else(|| text.rsplit_once(':')?.0.trim_matches(['[', ']']).parse().ok())
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
