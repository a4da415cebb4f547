//! `hookswitch doctor`: is everything around the daemon as it has to be, and if not, which line mends it.
//!
//! One file a patient: the PBX's log-in, rights and files ([`pbx`]), its dialplan ([`include`]), its phones
//! ([`phones`]), this machine ([`local`]), CRM and webhooks ([`remote`]), the daemon that runs ([`daemon`]), and the
//! clocks of all of them ([`clock`]). Each takes what was asked and gives findings; only this file, `remote` and
//! `daemon` ask.

mod certificate;
mod clock;
mod daemon;
mod finding;
mod include;
mod local;
mod pbx;
mod phones;
mod remote;

use anyhow::anyhow;
use clap::Args;
use hookswitch_ami::EventMask;
use hookswitch_config::{Asterisk, Config, Pbx, PbxKind};
use hookswitch_model::setup::Mode;
use hookswitch_normalize::{
    dialplan::MODULES,
    survey::{Findings, Scope},
};

use self::{
    clock::Clocks,
    finding::{Report, Subject},
};
use super::{
    Arguments, Failure, Outcome, block_on,
    client::Target,
    discover::visit::{Host, Visit},
};

/// What is looked at.
#[derive(Debug, Args)]
#[command(after_help = "Nothing is changed and no event is posted, unless --send-test says so.\n\
    Exit codes: 0 nothing failed, 1 something failed, 2 the configuration cannot be used.\n\
    Example: hookswitch doctor --json | jq '.findings[] | select(.status == \"fail\")'")]
pub(crate) struct Options {
    /// Post a test event to each webhook
    #[arg(long)]
    send_test: bool,

    #[command(flatten)]
    daemon: Target,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let config = arguments.load()?;
    let base = match &options.daemon.url {
        Some(_) => options.daemon.base(arguments)?,
        None => local::base(&config),
    };
    let report = block_on(examine(&config, &base, options))?;
    if arguments.json {
        println!("{}", report.as_json());
    } else {
        print!("{}", report.print());
    }
    if report.failed() {
        return Err(Failure::Running(anyhow!("something failed; each failure above says what mends it")));
    }
    Ok(())
}

async fn examine(config: &Config, base: &str, options: &Options) -> Report {
    let mut clocks = Clocks::default();
    let mut findings = local::machine(config);
    let daemon = daemon::ask(base, options.daemon.token.as_deref()).await;
    findings.extend(local::port(config, daemon.answers()));
    findings.extend(daemon.findings(config));
    for pbx in &config.pbxs {
        if let PbxKind::Asterisk(asterisk) = &pbx.kind {
            findings.extend(patient(config, pbx, asterisk, daemon.answers(), &mut clocks).await);
        }
    }
    findings.extend(remote::crm(config, &mut clocks).await);
    findings.extend(remote::webhooks(config, options.send_test, &mut clocks).await);
    findings.extend(clocks.findings());
    Report(findings)
}

/// What the checks of one Asterisk look at.
struct Patient<'a> {
    subject: Subject,
    config: &'a Config,
    pbx: &'a Pbx,
    asterisk: &'a Asterisk,
    host: &'a Host,
    findings: &'a Findings,
    /// A daemon runs on this configuration.
    daemon: bool,
}

impl Patient<'_> {
    fn routes(&self) -> bool {
        self.pbx.mode == Mode::Route
    }
}

/// Everything of one Asterisk. What rests on something that failed is not looked at: it would only be its echo.
async fn patient(
    config: &Config,
    pbx: &Pbx,
    asterisk: &Asterisk,
    daemon: bool,
    clocks: &mut Clocks,
) -> Vec<finding::Finding> {
    let subject = Subject(format!("pbx {}", pbx.name));
    let host = match Host::of(asterisk) {
        Ok(host) => host,
        Err(error) => {
            let place = format!("{}.secret", pbx.key);
            return vec![subject.fail("secret", format!("{error:#}")).at(place)];
        }
    };
    let visit = match Visit::open(&host, EventMask::Off).await {
        Ok(visit) => visit,
        Err(error) => return vec![pbx::closed(&subject, &host, &error)],
    };
    let mut seen = vec![pbx::opened(&subject, &host)];
    match survey(visit, &host).await {
        Err(error) => seen.push(subject.fail("survey", error.to_string()).mend([error.hint()])),
        Ok(findings) => {
            clocks.pbx(&subject.0, findings.clock);
            let patient =
                Patient { subject, config, pbx, asterisk, host: &host, findings: &findings, daemon };
            seen.extend(pbx::examine(&patient));
            seen.extend(include::examine(&patient));
            seen.extend(phones::examine(&patient));
        }
    }
    seen
}

async fn survey(mut visit: Visit, host: &Host) -> Result<Findings, super::discover::visit::VisitError> {
    // The answer holds the user's secret: it is asked for only where nobody else reads along.
    let own_section = host.is_private().then(|| host.username.clone());
    let findings = visit.survey(Scope { own_section, modules: MODULES.split(' ').collect() }).await?;
    visit.leave().await;
    Ok(findings)
}
