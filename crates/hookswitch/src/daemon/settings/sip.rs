//! What a SIP queue server of the configuration is told: who may register, trunks, music, where it listens.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use hookswitch_config::{Agent, Config, Digest, Pbx, PbxKind, Sip, SipListen, SipTransport, Trunk};
use hookswitch_media::{Clip, Codec};
use hookswitch_model::{Millis, PbxId};
use hookswitch_normalize::number::Plan;
use hookswitch_sip::{Transport, Uri, auth::Algorithm};
use hookswitch_switch::{
    Line, Settings,
    settings::{Account, Limits, MediaPorts, Network, Outside, SessionTimers, User},
};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::links::sip::{Listen, SipSettings, Told, WatchSettings, WireSettings};

/// The class of music of queues that name none.
const DEFAULT_MUSIC: &str = "default";
/// Files with these endings are raw A-law; others that are no WAV are raw µ-law.
const ALAW: [&str; 3] = ["al", "alaw", "g711a"];

/// One link a PBX of kind `sip`.
pub(in crate::daemon) fn links(config: &Config) -> anyhow::Result<Vec<SipSettings>> {
    sips(config).map(|(pbx, sip)| link(config, pbx, sip)).collect()
}

/// What the links are told, by PBX: again at each change of the configuration.
pub(in crate::daemon) fn switches(config: &Config) -> anyhow::Result<BTreeMap<PbxId, Told>> {
    sips(config).map(|(pbx, sip)| Ok((pbx.name.clone(), told(config, pbx, sip)?))).collect()
}

/// Files that cannot be used, with the keys they are named by.
pub(super) fn problems(config: &Config) -> Vec<(String, anyhow::Error)> {
    let mut problems = Vec::new();
    for (pbx, sip) in sips(config) {
        let tls = sip.tls.as_ref().and_then(|files| super::access::certified(files, "pbx.tls").err());
        problems.extend(tls.map(|error| (format!("{}.tls", pbx.key), error)));
        for (class, file) in &sip.music {
            let error = clip(file).err();
            problems.extend(error.map(|error| (format!("{}.music.{class}", pbx.key), error)));
        }
        for (index, trunk) in sip.trunks.iter().enumerate() {
            let error = addresses(trunk).err();
            problems.extend(error.map(|error| (format!("{}.trunks[{index}].address", pbx.key), error)));
        }
    }
    problems.extend(unknown_music(config));
    problems
}

/// Classes of music that queues name and no PBX has. An Asterisk may have any: it knows its own.
fn unknown_music(config: &Config) -> Vec<(String, anyhow::Error)> {
    let classes: BTreeSet<&str> =
        sips(config).flat_map(|(_, sip)| sip.music.keys().map(String::as_str)).collect();
    if sips(config).count() < config.pbxs.len() || config.pbxs.is_empty() {
        return Vec::new();
    }
    let unknown = config.queues.iter().filter_map(|queue| {
        let class = queue.music.as_deref().filter(|class| !classes.contains(class))?;
        let error = anyhow!("no PBX has the music \"{class}\"; hint: name a file for it in [[pbx]] music");
        Some((format!("{}.music", queue.key), error))
    });
    unknown.collect()
}

fn sips(config: &Config) -> impl Iterator<Item = (&Pbx, &Sip)> {
    config.pbxs.iter().filter_map(|pbx| match &pbx.kind {
        PbxKind::Sip(sip) => Some((pbx, sip)),
        PbxKind::Asterisk(_) => None,
    })
}

fn link(config: &Config, pbx: &Pbx, sip: &Sip) -> anyhow::Result<SipSettings> {
    let of = || format!("pbx {}", pbx.name);
    let listen: Vec<_> = sip.listen.iter().map(|listen| shown(sip, listen)).collect();
    let server = sip.tls.as_ref().map(|files| super::access::certified(files, "pbx.tls"));
    let server = server.transpose().with_context(of)?.map(|mut tls| {
        tls.alpn_protocols = Vec::new();
        Arc::new(tls)
    });
    let client = sip.calls_by_tls().then(ClientConfig::builder);
    let client = client.map(BuilderVerifierExt::with_platform_verifier).transpose();
    let client = client.context("the system's certificates cannot be used").with_context(of)?;
    let voice =
        listen.first().map(|listen| listen.address.ip()).context("it listens nowhere").with_context(of)?;
    Ok(SipSettings {
        pbx: pbx.name.clone(),
        told: told(config, pbx, sip)?,
        plan: plan(config),
        wires: WireSettings {
            listen,
            voice,
            server,
            client: client.map(|builder| Arc::new(builder.with_no_client_auth())),
            name_servers: sip.name_servers.clone(),
        },
        kept: config.journal.path.join("registrations").join(format!("{}.jsonl", pbx.name)),
    })
}

fn told(config: &Config, pbx: &Pbx, sip: &Sip) -> anyhow::Result<Told> {
    let switch = switch(config, pbx, sip)?;
    let watch = watched(config, pbx, sip, &switch)?;
    Ok(Told { switch, watch })
}

/// The agents' lines behind trunks that are watched.
fn watched(config: &Config, pbx: &Pbx, sip: &Sip, switch: &Settings) -> anyhow::Result<WatchSettings> {
    let peers: Vec<_> = sip.trunks.iter().filter(|trunk| trunk.watch).collect();
    let peers: Vec<_> = peers.iter().filter_map(|trunk| switch.trunk(&trunk.name).cloned()).collect();
    let mut watched = Vec::new();
    for agent in config.agents.iter().filter(|agent| agent.setup.pbx == pbx.name) {
        for line in lines(agent)? {
            let Line::Behind { number, trunk } = &line else { continue };
            let peer = peers.iter().find(|peer| peer.name == *trunk);
            let Some(address) = peer.and_then(|peer| peer.addresses.first()) else { continue };
            let uri = Uri { user: Some((**number).into()), ..address.clone() };
            watched.push(hookswitch_sip::watch::Line {
                name: line.to_string().into(),
                uri,
                peer: (**trunk).into(),
            });
        }
    }
    Ok(WatchSettings { lines: watched, peers, listen: switch.listen.clone() })
}

fn switch(config: &Config, pbx: &Pbx, sip: &Sip) -> anyhow::Result<Settings> {
    let of = || format!("pbx {}", pbx.name);
    let agents = || config.agents.iter().filter(|agent| agent.setup.pbx == pbx.name);
    let (mut users, mut extensions) = (BTreeMap::new(), BTreeMap::new());
    for agent in agents() {
        let lines = lines(agent).with_context(of)?;
        for name in lines.iter().filter_map(Line::user) {
            users.insert(Arc::clone(name), user(agent).with_context(of)?);
        }
        if let Some(extension) = &agent.setup.extension {
            extensions.insert(extension.clone(), lines);
        }
    }
    let settings = Settings::new(&sip.realm);
    let (first, last) = sip.rtp_ports;
    let media =
        sip.listen.first().map(|listen| MediaPorts { address: shown(sip, listen).shown.ip(), first, last });
    Ok(Settings {
        algorithms: sip.digest.iter().copied().map(algorithm).collect(),
        listen: sip
            .listen
            .iter()
            .map(|listen| (transport(listen.transport), shown(sip, listen).shown))
            .collect(),
        users,
        trunks: sip.trunks.iter().map(trunk).collect::<anyhow::Result<_>>().with_context(of)?,
        extensions,
        outside: outside(config),
        session: SessionTimers { expires: span(sip.session_timer), ..settings.session },
        ring: span(pbx.ring_timeout),
        media,
        music: music(config, sip).with_context(of)?,
        spoken: super::spoken::spoken(config, sip).with_context(of)?,
        limits: Limits { calls: sip.max_calls, ..settings.limits },
        ..settings
    })
}

/// Where a listener is, and where peers are told that it is.
fn shown(sip: &Sip, listen: &SipListen) -> Listen {
    let SipListen { transport: how, address } = *listen;
    let shown = SocketAddr::new(sip.external.unwrap_or(address.ip()), address.port());
    Listen { transport: transport(how), address, shown }
}

const fn span(span: Millis) -> Duration {
    Duration::from_millis(span.0)
}

const fn transport(transport: SipTransport) -> Transport {
    match transport {
        SipTransport::Udp => Transport::Udp,
        SipTransport::Tcp => Transport::Tcp,
        SipTransport::Tls => Transport::Tls,
        SipTransport::Ws => Transport::Ws,
        SipTransport::Wss => Transport::Wss,
    }
}

const fn algorithm(digest: Digest) -> Algorithm {
    match digest {
        Digest::Md5 => Algorithm::Md5,
        Digest::Sha256 => Algorithm::Sha256,
    }
}

fn lines(agent: &Agent) -> anyhow::Result<Vec<Line>> {
    let line = |device: &hookswitch_model::call::Address| {
        device.as_str().parse().with_context(|| format!("agent {}: {device}", agent.setup.id))
    };
    agent.setup.devices.iter().map(line).collect()
}

fn user(agent: &Agent) -> anyhow::Result<User> {
    let of = || format!("agent {}", agent.setup.id);
    let password = agent.sip_password.as_ref().ok_or_else(|| anyhow!("no sip_password")).with_context(of)?;
    Ok(User {
        password: password.reveal().with_context(of)?.into(),
        number: agent.setup.extension.as_deref().map(Into::into),
        display: Some(agent.setup.name.as_str().into()),
        answers: agent.setup.remote_answer,
    })
}

fn trunk(trunk: &Trunk) -> anyhow::Result<hookswitch_switch::settings::Trunk> {
    let of = || format!("trunk {}", trunk.name);
    let account = trunk.account.as_ref().map(|account| -> anyhow::Result<Account> {
        let password = account.secret.reveal().with_context(of)?;
        Ok(Account { user: account.username.as_str().into(), password: password.into() })
    });
    Ok(hookswitch_switch::settings::Trunk {
        name: trunk.name.as_str().into(),
        from: trunk
            .from
            .iter()
            .map(|(address, prefix)| Network { address: *address, prefix: *prefix })
            .collect(),
        addresses: addresses(trunk).with_context(of)?,
        account: account.transpose()?,
        keep_alive: trunk.keep_alive.map(span),
        max_calls: trunk.max_calls,
        trusted: trunk.trusted,
        outside: trunk.outside,
    })
}

fn addresses(trunk: &Trunk) -> anyhow::Result<Vec<Uri>> {
    let uri = |text: &String| {
        text.parse::<Uri>()
            .map_err(|error| anyhow!("{text}: {error}; hint: as in \"sip:192.0.2.7:5060;transport=udp\""))
    };
    trunk.addresses.iter().map(uri).collect()
}

fn plan(config: &Config) -> Plan {
    let extensions = config.agents.iter().filter_map(|agent| agent.setup.extension.clone());
    config.numbers.country.as_deref().map(Plan::new).unwrap_or_default().with_extensions(extensions)
}

fn outside(config: &Config) -> Outside {
    let plan = plan(config);
    Outside { allow: config.numbers.outbound_allow.clone(), read: Arc::new(move |number| plan.e164(number)) }
}

/// The music of each queue, by the class it names; that of no queue stands under the empty name.
fn music(config: &Config, sip: &Sip) -> anyhow::Result<BTreeMap<String, Arc<Clip>>> {
    let mut clips = BTreeMap::new();
    for (class, file) in &sip.music {
        clips.insert(class.as_str(), Arc::new(clip(file).with_context(|| format!("music {class}"))?));
    }
    let of_queue = config
        .queues
        .iter()
        .map(|queue| (queue.setup.id.to_string(), queue.music.as_deref().unwrap_or(DEFAULT_MUSIC)));
    let all = of_queue.chain([(String::new(), DEFAULT_MUSIC)]);
    Ok(all.filter_map(|(queue, class)| Some((queue, Arc::clone(clips.get(class)?)))).collect())
}

pub(super) fn clip(file: &Path) -> anyhow::Result<Clip> {
    let name = file.display();
    let bytes = fs::read(file).with_context(|| name.to_string())?;
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let raw =
        if ALAW.iter().any(|alaw| ending.eq_ignore_ascii_case(alaw)) { Codec::Pcma } else { Codec::Pcmu };
    Clip::read(&bytes, raw)
        .map_err(|error| anyhow!("{name}: {error}; hint: a WAV file of 8 kHz and one channel, or raw G.711"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIP: &str = "[[pbx]]\nname = 'hq'\nkind = 'sip'\nlisten = ['udp:127.0.0.1:5060']\n";

    fn problems_of(keys: &str, more: &str) -> Vec<String> {
        let queue = "[[agent]]\nid = 'alice'\npbx = 'hq'\ndevices = ['sip:alice']\nsip_password = 'a-long-password'\n\
                     [[queue]]\nid = 'support'\nmembers = { agents = ['alice'] }\nmusic = 'jazz'\n";
        let config =
            hookswitch_config::load_str("test.toml", &format!("{SIP}{keys}\n{more}{queue}")).unwrap();
        let missing = |(key, error): (String, anyhow::Error)| format!("{key}: {error:#}");
        problems(&config).into_iter().map(missing).collect()
    }

    #[test]
    fn a_class_of_music_that_no_pbx_has_is_a_problem_with_a_hint() {
        let unknown = problems_of("", "");
        assert_eq!(unknown.len(), 1, "{unknown:?}");
        assert!(
            unknown[0].starts_with("queue[0].music: no PBX has the music \"jazz\"; hint: "),
            "{unknown:?}"
        );
        let file = tempfile::NamedTempFile::with_suffix(".ul").unwrap();
        fs::write(file.path(), [0x2a; 800]).unwrap();
        let known = format!("music = {{ jazz = '{}' }}", file.path().display());
        assert_eq!(problems_of(&known, ""), [""; 0]);
        let asterisk = "[[pbx]]\nname = 'old'\naddress = '127.0.0.1:5038'\nusername = 'h'\nsecret = 's'\n\
                        fallback = { goto = 'a,1,1' }\n";
        assert_eq!(problems_of("", asterisk), [""; 0], "an Asterisk has classes of its own");
    }

    #[test]
    fn a_file_of_music_that_is_not_there_is_a_problem() {
        let missing = problems_of("music = { jazz = '/nowhere/jazz.wav' }", "");
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(missing[0].starts_with("pbx[0].music.jazz: /nowhere/jazz.wav"), "{missing:?}");
    }
}
