//! `hookswitch discover`: a configuration proposed from what a PBX says of itself.

pub(super) mod visit;

use anyhow::{Context as _, anyhow};
use clap::Args;
use hookswitch_ami::{EventMask, Secret};
use hookswitch_config::{Asterisk, Config, HostPort, Pbx, PbxKind, Tls};
use hookswitch_model::setup::Mode;
use hookswitch_normalize::survey::{Access, Proposal, Scope, propose};
use serde_json::json;

use self::visit::{Host, Visit, VisitError};
use super::{Arguments, Failure, Outcome, block_on};

/// Which PBX.
#[derive(Debug, Args)]
#[command(after_help = "Nothing is changed on the PBX: every action only lists.\n\n\
    Without a configuration yet:\n  \
    export HOOKSWITCH_AMI_SECRET=...\n  \
    hookswitch discover hq --address 127.0.0.1:5038 --username hookswitch --secret-env HOOKSWITCH_AMI_SECRET > hookswitch.toml\n  \
    hookswitch --config hookswitch.toml check")]
pub(crate) struct Options {
    /// The PBX's name in the configuration; with --address the name it shall have
    #[arg(default_value = "pbx")]
    pbx: String,

    /// Host and port of AMI, for a PBX that is in no configuration yet
    #[arg(long, value_name = "HOST:PORT", requires = "username", requires = "secret_env")]
    address: Option<HostPort>,

    /// The user of manager.conf
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// The environment variable that holds the user's secret
    #[arg(long, value_name = "VARIABLE")]
    secret_env: Option<String>,

    /// AMI by TLS, checked against the system's certificates
    #[arg(long, requires = "address")]
    tls: bool,

    /// AMI by TLS, checked against this PEM file
    #[arg(long, value_name = "FILE", requires = "address")]
    ca: Option<std::path::PathBuf>,

    /// Propose a configuration that routes calls; by default it only looks on
    #[arg(long)]
    route: bool,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let (host, access) = match &options.address {
        Some(address) => given(options, address)?,
        None => configured(arguments, options)?,
    };
    let proposal =
        block_on(ask(&host, &access))?.map_err(|error| anyhow!("{error}\nhint: {}", error.hint()))?;
    if arguments.json {
        println!("{}", as_json(&access, &proposal));
    } else {
        print!("{}", proposal.toml);
        eprintln!("{}", summary(&proposal));
    }
    Ok(())
}

async fn ask(host: &Host, access: &Access) -> Result<Proposal, VisitError> {
    let mut visit = Visit::open(host, EventMask::Off).await?;
    let findings = visit.survey(Scope { own_section: None, modules: Vec::new() }).await?;
    visit.leave().await;
    Ok(propose(&findings, access))
}

/// A PBX that is in no configuration yet.
fn given(options: &Options, address: &HostPort) -> Result<(Host, Access), Failure> {
    let (Some(username), Some(variable)) = (&options.username, &options.secret_env) else {
        return Err(anyhow!("--address needs --username and --secret-env").into());
    };
    let secret = std::env::var(variable).with_context(|| format!("the environment variable {variable}"))?;
    let (tls, tls_text) = match &options.ca {
        Some(path) => (Tls::Ca(path.clone()), Some(format!("{{ ca = {:?} }}", path.display().to_string()))),
        None if options.tls => (Tls::System, Some("true".to_owned())),
        None => (Tls::Off, None),
    };
    let host =
        Host { address: address.clone(), tls, username: username.clone(), secret: Secret::new(secret) };
    let secret = format!("{{ env = {variable:?} }}");
    Ok((host, access(&options.pbx, address, tls_text, username, secret, options.route)))
}

/// A PBX of the configuration. Its secret stands in the proposal as a variable: where it comes from is not told.
fn configured(arguments: &Arguments, options: &Options) -> Result<(Host, Access), Failure> {
    let config = arguments.load()?;
    let (pbx, asterisk) = find(&config, &options.pbx)?;
    let tls = match &asterisk.tls {
        Tls::Off => None,
        Tls::System => Some("true".to_owned()),
        Tls::Ca(path) => Some(format!("{{ ca = {:?} }}", path.display().to_string())),
    };
    let routes = options.route || pbx.mode == Mode::Route;
    let secret = "{ env = \"HOOKSWITCH_AMI_SECRET\" }".to_owned();
    let access = access(pbx.name.as_str(), &asterisk.address, tls, &asterisk.username, secret, routes);
    Ok((Host::of(asterisk)?, access))
}

fn access(
    name: &str,
    address: &HostPort,
    tls: Option<String>,
    user: &str,
    secret: String,
    routes: bool,
) -> Access {
    let (name, address, username) = (name.to_owned(), address.to_string(), user.to_owned());
    Access { name, address, tls, username, secret, routes }
}

/// The PBX of that name; where there is only one, `pbx` will do.
pub(super) fn find<'c>(config: &'c Config, name: &str) -> Result<(&'c Pbx, &'c Asterisk), Failure> {
    let asterisks: Vec<(&Pbx, &Asterisk)> = config
        .pbxs
        .iter()
        .filter_map(|pbx| match &pbx.kind {
            PbxKind::Asterisk(asterisk) => Some((pbx, asterisk)),
            PbxKind::Sip(_) => None,
        })
        .collect();
    let named = asterisks.iter().find(|(pbx, _)| pbx.name == name);
    let only = (asterisks.len() == 1 && name == "pbx").then(|| asterisks.first()).flatten();
    named.or(only).copied().ok_or_else(|| {
        let names: Vec<&str> = asterisks.iter().map(|(pbx, _)| pbx.name.as_str()).collect();
        Failure::usage(format_args!(
            "no PBX of kind \"asterisk\" is called {name:?}\nhint: the configuration has {}",
            names.join(", ")
        ))
    })
}

fn summary(proposal: &Proposal) -> String {
    let count = |prefix: &str| proposal.statements.iter().filter(|one| one.topic.starts_with(prefix)).count();
    let counts = ["trunk ", "agent ", "queue ", "route ", "phone "]
        .map(|kind| format!("{} {}s", count(kind), kind.trim()));
    format!("found: {}; not known: {}, listed at the end", counts.join(", "), proposal.unknown.len())
}

fn as_json(access: &Access, proposal: &Proposal) -> serde_json::Value {
    let statement = |one: &hookswitch_normalize::survey::Statement| {
        json!({
            "topic": one.topic, "value": one.value,
            "confidence": one.confidence.to_string(), "evidence": one.evidence,
        })
    };
    let statements: Vec<_> = proposal.statements.iter().map(statement).collect();
    json!({"pbx": access.name, "statements": statements, "unknown": proposal.unknown, "toml": proposal.toml})
}
