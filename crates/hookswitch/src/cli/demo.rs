//! `hookswitch demo`: the whole daemon on a simulated PBX that speaks real AMI over TCP, with callers and agents.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, anyhow};
use clap::Args;
use hookswitch_config::Config;
use hookswitch_customers::{Directory, Mapping};
use hookswitch_journal::MemoryJournal;
use hookswitch_sim::{CallIn, MILLISECOND, Mood, Pbx, PbxConfig, Random, SECOND, Sim};
use tokio::net::TcpListener;

use super::{Arguments, Outcome, block_on, client::Target, token};
use crate::{
    daemon::{self, configuration::History, settings},
    telemetry,
};

/// How the demo runs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the daemon listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,

    /// Seconds between two callers, on average
    #[arg(long, value_name = "SECONDS", default_value_t = 6)]
    every: u64,

    /// The seed of the simulated world
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Stop by itself after so many seconds
    #[arg(long, value_name = "SECONDS")]
    for_seconds: Option<u64>,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    telemetry::logs("warn,hookswitch=info");
    block_on(demo(options, arguments.json))??;
    Ok(())
}

async fn demo(options: &Options, json: bool) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let token = token::random_token()?;
    let config = configuration(options, listener.local_addr()?, &token)?;
    let sim = pbx(options.seed, &config, listener)?;
    let stored = (Box::new(MemoryJournal::new()) as _, History::default(), contacts(&config)?);
    let running = daemon::start(config, stored, telemetry::metrics()?).await?;
    announce(&running.url, &token, json);
    let end = async {
        match options.for_seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = callers(&sim, &running.url, options) => {}
        () = end => {}
        stop = tokio::signal::ctrl_c() => stop?,
    }
    running.stop().await
}

/// A directory in memory with a few of those who call.
fn contacts(config: &Config) -> anyhow::Result<Directory> {
    let directory = Directory::in_memory(settings::numbers(config));
    directory.import(include_str!("demo_contacts.csv").as_bytes(), &Mapping::new())?;
    Ok(directory)
}

fn configuration(options: &Options, pbx: SocketAddr, token: &str) -> anyhow::Result<Config> {
    let text = format!(
        "[server]\nlisten = \"{}\"\n\n{}\n[[pbx]]\nname = \"demo\"\nkind = \"asterisk\"\naddress = \"{pbx}\"\n\
         username = \"hookswitch\"\nsecret = \"hookswitch\"\nmode = \"route\"\nfallback = {{ dial = \"PJSIP/1008\" }}\n\n\
         [[token]]\nname = \"demo\"\nrole = \"admin\"\nhash = \"{}\"\n",
        options.listen,
        include_str!("demo.toml"),
        token::hash(token),
    );
    hookswitch_config::load_str("demo.toml", &text)
        .map_err(|problems| anyhow!("the demo's configuration:\n{}", hookswitch_config::render(&problems)))
}

/// A simulated Asterisk that runs the dialplan the configuration generates.
fn pbx(seed: u64, config: &Config, listener: TcpListener) -> anyhow::Result<Sim> {
    let dialplans = settings::dialplans(config)?;
    let (_, dialplan) = dialplans.first().context("the demo has a PBX")?;
    let world = PbxConfig::lab_with_generated(seed, dialplan).map_err(|error| anyhow!("{error}"))?;
    let sim = hookswitch_sim::serve(listener, |now| Pbx::new(world, now))?;
    // The trunk is who is called from a screen.
    for phone in ["1001", "1002", "1003", "1004", "1008", "trunk"] {
        sim.set_mood(phone, Mood::Answer { after: 1500 * MILLISECOND, at_most: 6 * SECOND });
        sim.with(|pbx, _| pbx.set_remote_answer(phone, true));
    }
    Ok(sim)
}

fn announce(url: &str, token: &str, json: bool) {
    let page = |name: &str| format!("{url}/{name}/#token={token}");
    let [desktop, wallboard, admin] = ["desktop", "wallboard", "admin"].map(page);
    if json {
        let told = serde_json::json!({
            "url": url, "token": token, "desktop": desktop, "wallboard": wallboard, "admin": admin
        });
        println!("{told}");
        return;
    }
    println!("Hookswitch runs on a simulated PBX: callers come, agents answer.\n");
    println!("  Agent           {desktop}");
    println!("  Supervisor      {wallboard}");
    println!("  Administrator   {admin}");
    println!("  Events          hookswitch tail --url {url} --token {token}");
    println!("  Agents          hookswitch agents --url {url} --token {token}\n");
    println!("Stop with Ctrl-C.");
}

/// Callers without end: some hide their number, some give up, some dial sales.
async fn callers(sim: &Sim, url: &str, options: &Options) {
    // Who comes before the daemon does would go to the fallback.
    Target { url: None, token: None }.linked(url).await;
    let mut random = Random::new(options.seed);
    loop {
        let dnis = if random.chance(300) { "5013" } else { "5003" };
        let mut call = CallIn::new(format!("+4930555{:04}", random.between(1, 40)), dnis);
        call.withheld = random.chance(100);
        call.patience = Some(20 * SECOND + random.exponential(40 * SECOND));
        call.talk = Some(5 * SECOND + random.exponential(15 * SECOND));
        sim.call_in(call);
        tokio::time::sleep(Duration::from_micros(random.exponential(options.every.max(1) * SECOND))).await;
    }
}
