//! `kill -9` of the real program under load, again and again; readers and receivers resume by their cursors.
//!
//! The PBX is the simulated one, over real TCP: it remembers what each caller lived. `make kill KILLS=100` does more
//! of it, `KILL_SEED` draws other moments.

mod judge;
mod office;

use std::{env, time::Duration};

use anyhow::{Context as _, Result, ensure};
use hookswitch_sim::{Crowd, MILLISECOND, Random, SECOND, Sim};
use hookswitch_tests::{
    daemon::Daemon,
    events::{Reader, kind, text},
    webhook::Sink,
};
use reqwest::StatusCode;
use serde_json::Value;

use judge::Judged;

/// How often the daemon is killed unless it is said otherwise.
const KILLS: u64 = 24;
/// How long the last callers and deliveries may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Everything one reader read, over all lives of the daemon.
struct Following {
    reader: Reader,
    /// What was read in the lives before.
    read: Vec<Value>,
    breaks: Vec<String>,
}

impl Following {
    async fn begin(daemon: &Daemon) -> Result<Self> {
        let reader = Reader::websocket(&daemon.api(), "after=0").await?;
        Ok(Self { reader, read: Vec::new(), breaks: Vec::new() })
    }

    /// Waits for so many more events than there were at the beginning of this life.
    async fn wait_for(&self, count: usize) -> Result<()> {
        self.reader.wait_after(count, "the load goes on", |_| true).await.map(drop)
    }

    /// The daemon is dead: reads what was under way, then nothing.
    async fn ends(&mut self) {
        while self.reader.end().is_none() {
            tokio::task::yield_now().await;
        }
        if let Err(broken) = self.reader.check_chain() {
            self.breaks.push(format!("{broken:#}"));
        }
        self.read.extend(self.reader.events());
    }

    /// Resumes behind the last event read.
    async fn resume(&mut self, daemon: &Daemon) -> Result<()> {
        let last = self.read.last().and_then(|event| text(event, "/sequence")).unwrap_or("0");
        let hello = format!("after={last}");
        self.reader = Reader::websocket(&daemon.api(), &hello).await?;
        let first = self.reader.wait(&hello, |event| kind(event) == "stream.hello").await?;
        ensure!(text(&first, "/sequence") == Some(last), "the chain goes on at {first}, not at {last}");
        Ok(())
    }
}

/// Callers who come all the time, some of whom wait, some of whom give up.
fn crowd() -> Crowd {
    Crowd {
        every: 60 * MILLISECOND,
        numbers: vec!["5003".to_owned(), "5013".to_owned()],
        patience: (2 * SECOND, 8 * SECOND),
        talk: (100 * MILLISECOND, 900 * MILLISECOND),
        keys: vec!['1', '1', '2', '#'],
        presses: 300,
        ..Crowd::default()
    }
}

#[tokio::test]
async fn nothing_is_lost_or_told_twice_however_often_the_daemon_is_killed() -> Result<()> {
    let kills = number("KILLS", KILLS);
    let mut chance = Random::new(number("KILL_SEED", 1));
    let sink = Sink::start().await?;
    let (sim, mut daemon) = office::open(&sink.url()).await?;
    daemon.wait_links_up().await?;
    let mut following = Following::begin(&daemon).await?;
    sim.with(|pbx, now| pbx.start_crowd(now, crowd()));

    for kill in 0..kills {
        let events = usize::try_from(chance.between(1, 250))?;
        following.wait_for(events).await.with_context(|| daemon.log())?;
        // The receiver has its own bad days.
        let answer = match chance.between(0, 3) {
            0 => StatusCode::INTERNAL_SERVER_ERROR,
            1 => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::NO_CONTENT,
        };
        sink.answer_with(answer, Duration::ZERO);
        daemon.kill().await?;
        following.ends().await;
        daemon.launch().await.with_context(|| format!("after kill {kill}"))?;
        following.resume(&daemon).await?;
    }
    sink.answer_with(StatusCode::NO_CONTENT, Duration::ZERO);
    daemon.wait_links_up().await?;
    let judged = judged(&sim, &mut daemon, &mut following, &sink).await?;
    println!("{kills} kills: {judged}");
    judged.conclude().with_context(|| "KILL_SEED and KILLS play it again, but for the moments of the machine")
}

/// Lets everybody go home, and compares.
async fn judged(sim: &Sim, daemon: &mut Daemon, following: &mut Following, sink: &Sink) -> Result<Judged> {
    sim.with(|pbx, _| pbx.stop_crowd());
    let gone = sim.until(|pbx| (pbx.channel_count() == 0).then_some(()));
    tokio::time::timeout(PATIENCE, gone).await.context("the last callers do not go")?;
    office::wait_for_rest(daemon, &following.reader).await?;
    let snapshot = daemon.api().get("/v1/snapshot").await?;
    let last = text(&snapshot, "/sequence").context("a snapshot has a sequence")?.to_owned();
    let journal = office::journal(daemon).await?;
    let last_call = journal.iter().rfind(|event| kind(event).starts_with("call.")).cloned();
    let id = last_call.as_ref().and_then(|event| text(event, "/id")).unwrap_or_default().to_owned();
    sink.wait("the last event of a call", |event| text(event, "/id") == Some(&id)).await?;
    office::wait_for_deliveries(daemon).await?;
    daemon.stop().await?;
    following.ends().await;
    let (fates, reached) = sim.with(|pbx, _| (pbx.take_fates(), pbx.take_reached()));
    Ok(Judged::new(judge::Evidence {
        read: &following.read,
        breaks: &following.breaks,
        journal: &journal,
        delivered: &sink.events(),
        snapshot: &snapshot,
        fates: &fates,
        reached: &reached,
        last: &last,
    }))
}
