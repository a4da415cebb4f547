//! `hookswitch simulate`: load. A simulated PBX with callers and agents, for a daemon in this process or for one that
//! runs.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use hookswitch_config::{Asterisk, Config, PbxKind, Tls};
use hookswitch_customers::Directory;
use hookswitch_journal::MemoryJournal;
use hookswitch_sim::{
    AmiUser, Crowd, CrowdReport, MILLISECOND, Micros, Mood, Pbx, PbxConfig, PhoneConfig, SECOND, Sim,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Arguments, Failure, Outcome, block_on, client::Target, record::time, token};
use crate::{
    daemon::{self, configuration::History, settings},
    telemetry,
};

/// Shortest and longest wait until a caller whom nobody answers gives up.
const PATIENCE: (Micros, Micros) = (10 * SECOND, 30 * SECOND);
/// How long a daemon may take to log in at the PBX.
const LINKED: Duration = Duration::from_secs(30);
/// How often it is looked whether something has come about.
const LOOK: Duration = Duration::from_millis(50);

/// How much load, and for whom.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --pbx the daemon is in this process, with a queue of its own, and keeps nothing. With it \
    a daemon\nthat runs is loaded: the simulated PBX listens where the configuration says that this PBX is, and the \
    daemon\nconnects to it.\n\n\
    Exit codes: 0 every call came to its end, 1 one did not, or no daemon came.\n\n\
    Examples:\n  \
    hookswitch simulate --rate 5 --agents 60 --for 1m\n  \
    hookswitch --config load.toml simulate --pbx hq --rate 5 --agents 60 --for 1m"
)]
pub(crate) struct Options {
    /// Callers a second, on average
    #[arg(long, value_name = "CALLS", default_value_t = 1.0, value_parser = rate)]
    rate: f64,

    /// How many agents take the calls; of a configuration, its first ones
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=5000))]
    agents: u32,

    /// How long callers come: 30s, 10m, 1h; then those on the line are waited for. Ctrl-C ends it earlier
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = time)]
    length: Duration,

    /// How long a caller talks, on average
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    talk: Duration,

    /// What callers dial; may be repeated
    #[arg(long, value_name = "NUMBER", default_value = "5003")]
    dnis: Vec<String>,

    /// Stand in for this PBX of the configuration, for a daemon that runs
    #[arg(long, value_name = "NAME")]
    pbx: Option<String>,

    /// The seed of the simulated world
    #[arg(long, default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    target: Target,
}

/// How many a second: more than none, and what one machine can play.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a number is needed, as in 2 or 0.5".to_owned())?;
    if rate > 0.0 && rate <= 1000.0 { Ok(rate) } else { Err("more than 0, at most 1000".to_owned()) }
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    telemetry::logs("warn");
    let (report, figures) = match &options.pbx {
        Some(name) => {
            let config = arguments.load()?;
            asterisk(&config, name).map_err(Failure::usage)?;
            let base = options.target.base(arguments)?;
            block_on(outside(options, &config, name, &base))??
        }
        None => block_on(inside(options))??,
    };
    announce(options, &report, &figures, arguments.json);
    let open = report.placed - report.talked - report.gave_up - report.turned_away;
    if open > 0 {
        return Err(anyhow!("{open} calls did not come to an end").into());
    }
    Ok(())
}

type Played = anyhow::Result<(CrowdReport, Value)>;

/// A daemon in this process, with a queue that all agents serve.
async fn inside(options: &Options) -> Played {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let token = token::random_token()?;
    let text = configuration(options.agents, &listener.local_addr()?.to_string(), &token::hash(&token));
    let config = hookswitch_config::load_str("simulate.toml", &text)
        .map_err(|problems| anyhow!("the configuration:\n{}", hookswitch_config::render(&problems)))?;
    let sim = world(options, &config, "load", listener)?;
    let contacts = Directory::in_memory(settings::numbers(&config));
    let stored = (Box::new(MemoryJournal::new()) as _, History::default(), contacts);
    let running = daemon::start(config, stored, telemetry::metrics()?).await?;
    let target = Target { url: None, token: Some(token) };
    let played = play(options, &sim, &target, &running.url).await;
    running.stop().await?;
    played
}

/// A daemon that runs, and knows this PBX.
async fn outside(options: &Options, config: &Config, name: &str, base: &str) -> Played {
    let asterisk = asterisk(config, name)?;
    if asterisk.tls != Tls::Off {
        bail!(
            "the simulated PBX speaks no TLS\nhint: leave out `tls` of the PBX {name:?} for the time of the simulation"
        );
    }
    let address = asterisk.address.to_string();
    let listener = TcpListener::bind(&address).await.with_context(|| format!("to listen at {address}"))?;
    let sim = world(options, config, name, listener)?;
    play(options, &sim, &options.target, base).await
}

fn asterisk<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a Asterisk> {
    let pbx = config.pbxs.iter().find(|pbx| pbx.name.as_str() == name);
    match &pbx.with_context(|| format!("no [[pbx]] is called {name:?}"))?.kind {
        PbxKind::Asterisk(asterisk) => Ok(asterisk),
        PbxKind::Sip(_) => bail!("the PBX {name:?} is Hookswitch itself; only an Asterisk can be simulated"),
    }
}

fn configuration(agents: u32, pbx: &str, hash: &str) -> String {
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\n[[pbx]]\nname = \"load\"\nkind = \"asterisk\"\naddress = \"{pbx}\"\n\
         username = \"hookswitch\"\nsecret = \"hookswitch\"\nfallback = {{ dial = \"PJSIP/1008\" }}\n\n\
         [[token]]\nname = \"simulate\"\nrole = \"admin\"\nhash = \"{hash}\"\n\n\
         [[queue]]\nid = \"support\"\nmembers = {{ teams = [\"agents\"] }}\n\n\
         [[route]]\nname = \"everybody\"\nqueue = \"support\"\n"
    );
    for number in 20_001..=20_000 + agents {
        let _ = write!(
            text,
            "\n[[agent]]\nid = \"agent-{number}\"\ndevices = [\"PJSIP/{number}\"]\nteams = [\"agents\"]\nstart = \"ready\"\n"
        );
    }
    text
}

/// A simulated Asterisk that runs the dialplan the configuration generates, and the phones of the agents.
fn world(options: &Options, config: &Config, name: &str, listener: TcpListener) -> anyhow::Result<Sim> {
    let dialplans = settings::dialplans(config)?;
    let own = dialplans.iter().find(|(pbx, _)| pbx.as_str() == name);
    let (_, dialplan) =
        own.with_context(|| format!("the PBX {name:?} is only observed: it has no dialplan of ours"))?;
    let mut world =
        PbxConfig::lab_with_generated(options.seed, dialplan).map_err(|error| anyhow!("{error}"))?;
    let asterisk = asterisk(config, name)?;
    world.users = vec![AmiUser { name: asterisk.username.clone(), secret: asterisk.secret.reveal()? }];
    let agents = config.agents.iter().filter(|agent| agent.setup.pbx.as_str() == name);
    let devices = agents.take(options.agents as usize).flat_map(|agent| &agent.setup.devices);
    let phones: Vec<String> =
        devices.filter_map(|device| Some(device.as_str().strip_prefix("PJSIP/")?.to_owned())).collect();
    if phones.is_empty() {
        bail!("no agent of the PBX {name:?} has a phone\nhint: devices = [\"PJSIP/1001\"]");
    }
    world.phones.retain(|phone| !phones.contains(&phone.name));
    let phone = |name: &String| PhoneConfig { name: name.clone(), display: name.clone(), registered: true };
    world.phones.extend(phones.iter().map(phone));
    let sim = hookswitch_sim::serve(listener, |now| Pbx::new(world, now))?;
    for phone in &phones {
        sim.set_mood(phone, Mood::Answer { after: 500 * MILLISECOND, at_most: 3 * SECOND });
    }
    Ok(sim)
}

/// Waits for the daemon, lets callers come, waits for those on the line, and reads what the daemon says of its queues.
async fn play(options: &Options, sim: &Sim, target: &Target, base: &str) -> Played {
    timeout(LINKED, target.linked(base)).await.with_context(|| {
        format!(
            "no daemon at {base} came to the simulated PBX\nhint: `hookswitch serve` with this configuration"
        )
    })?;
    let talk = micros(options.talk);
    let crowd = Crowd {
        every: micros(Duration::from_secs_f64(1.0 / options.rate)).max(1),
        numbers: options.dnis.clone(),
        patience: PATIENCE,
        talk: (talk / 2, talk + talk / 2),
        ..Crowd::default()
    };
    sim.with(|pbx, now| pbx.start_crowd(now, crowd));
    tokio::select! {
        () = sleep(options.length) => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    sim.with(|pbx, _| pbx.stop_crowd());
    // Nobody is longer on the line than who waits, is answered at the last moment, and talks.
    let end = Instant::now() + options.talk * 2 + Duration::from_micros(PATIENCE.1) + LINKED;
    tokio::select! {
        () = all_left(sim) => {}
        () = sleep_until(end) => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    let figures = match target.token {
        Some(_) => target.get(base, "/v1/queues").await?["items"].take(),
        None => Value::Null,
    };
    Ok((sim.with(|pbx, _| pbx.crowd_report()), figures))
}

async fn all_left(sim: &Sim) {
    while sim.with(|pbx, _| pbx.channel_count()) > 0 {
        sleep(LOOK).await;
    }
}

fn micros(span: Duration) -> Micros {
    Micros::try_from(span.as_micros()).unwrap_or(Micros::MAX)
}

fn announce(options: &Options, report: &CrowdReport, queues: &Value, json: bool) {
    let CrowdReport { placed, talked, gave_up, turned_away } = *report;
    let seconds = options.length.as_secs_f64();
    if json {
        let told = json!({
            "rate": options.rate, "agents": options.agents, "seconds": seconds, "calls": placed,
            "answered": talked, "abandoned": gave_up, "turned_away": turned_away, "queues": queues,
        });
        println!("{told}");
        return;
    }
    println!("{placed} callers in {seconds} s for {} agents", options.agents);
    println!("  answered     {talked}\n  abandoned    {gave_up}\n  turned away  {turned_away}");
    for queue in queues.as_array().into_iter().flatten() {
        let level = queue["service_level"]
            .as_f64()
            .map_or_else(|| "-".to_owned(), |level| format!("{:.0} %", level * 100.0));
        let wait =
            queue["average_wait_s"].as_u64().map_or_else(|| "-".to_owned(), |wait| format!("{wait} s"));
        println!(
            "  queue {}: service level {level}, average wait {wait}",
            queue["id"].as_str().unwrap_or("-")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_more_than_none() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "nan", "inf", "1001", "many", ""] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_configuration_has_a_phone_for_each_agent_and_no_problem() {
        let text = configuration(5_000, "127.0.0.1:5038", &token::hash("secret"));
        let config = hookswitch_config::load_str("simulate.toml", &text).unwrap();
        assert_eq!(
            (config.agents.len(), asterisk(&config, "load").unwrap().username.as_str()),
            (5_000, "hookswitch")
        );
        assert!(asterisk(&config, "hq").is_err());
    }

    /// The whole of it, as `hookswitch simulate` does it: every caller is played to the end.
    #[tokio::test(flavor = "multi_thread")]
    async fn callers_are_served_by_a_daemon_in_the_same_process() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let second = Duration::from_secs(1);
        let options = Options {
            rate: 20.0,
            agents: 30,
            length: second,
            talk: second,
            dnis: vec!["5003".to_owned()],
            pbx: None,
            seed: 7,
            target: Target { url: None, token: None },
        };
        let (report, queues) = inside(&options).await.unwrap();
        assert!(report.placed > 5, "{report:?}");
        assert_eq!((report.talked, report.gave_up, report.turned_away), (report.placed, 0, 0), "{queues:#}");
        assert_eq!(queues[0]["answered"], report.placed);
    }
}
