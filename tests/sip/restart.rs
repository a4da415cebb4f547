//! What is left of phones when the daemon comes back: who registered for an hour is rung at once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::kamailio::{Kamailio, Ways};
use hookswitch_tests::phone::Phone;
use hookswitch_tests::ports::free_port;
use libtest_mimic::Trial;
use tokio::time::{Instant, sleep};

use crate::block_on;
use crate::office::Office;

/// How long a registration may be on its way to the disk, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("restart::a_registered_phone_is_rung_after_a_stop", || block_on(rung(End::Stop))),
        Trial::test("restart::a_registered_phone_is_rung_after_a_death", || block_on(rung(End::Kill))),
        Trial::test("restart::a_phone_behind_a_proxy_is_rung_after_a_restart", || block_on(behind_a_proxy())),
        Trial::test("restart::who_is_no_agent_any_more_is_not_rung", || block_on(no_agent())),
    ]
}

#[derive(Debug, Clone, Copy)]
enum End {
    Stop,
    Kill,
}

/// Waits until it is on the disk whether somebody is registered: what a death of the process leaves.
async fn is_kept(office: &Office, who: &str, registered: bool) -> Result<()> {
    let file = office.daemon.journal().join("registrations").join("hq.jsonl");
    let user = format!("{{\"user\":\"{}\",", cast::phone(who).context("who has a phone")?);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let last = kept.lines().rfind(|line| line.starts_with(&user));
        if last.is_some_and(|line| !line.ends_with("\"contacts\":[]}")) == registered {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{who}: {kept}");
        sleep(Duration::from_millis(20)).await;
    }
}

impl Office {
    /// The daemon ends and returns.
    async fn restart(&mut self, end: End) -> Result<()> {
        match end {
            End::Stop => drop(self.daemon.stop().await?),
            End::Kill => self.daemon.kill().await?,
        }
        self.daemon.launch().await?;
        self.daemon.wait_links_up().await?;
        self.reader = Reader::websocket(&self.daemon.api(), "after=0").await?;
        Ok(())
    }

    /// A customer's call is answered by alice.
    async fn alice_answers(&self, alice: &Phone, trunk: &Phone) -> Result<()> {
        let call = trunk.call("5003").await?;
        let rings = alice.next_call().await.with_context(|| self.reader.story())?;
        rings.answer().await?;
        call.wait_up().await?;
        let answered = self.see("call.answered", |event| kind(event) == "call.answered").await?;
        ensure!(text(&answered, "/data/agent/id") == Some("alice"), "{answered}");
        call.hang_up().await?;
        let course = "started inbound, queued Q, offered A, offer_ended accepted, answered A, ended";
        self.told(&[(course, "answered, by customer, handled A, resolved A, segments Q A")]).await
    }
}

async fn rung(end: End) -> Result<()> {
    let mut office = Office::open("").await?;
    let (alice, bob) = (office.telephone_of("A").await?, office.telephone_of("B").await?);
    bob.unregister().await?;
    is_kept(&office, "A", true).await?;
    is_kept(&office, "B", false).await?;
    office.restart(end).await?;
    office.alice_answers(&alice, &office.trunk().await?).await?;
    ensure!(bob.waiting_call().await.is_none(), "who took his registration back is rung");
    // It is the same registration: the phone goes on with it, and ends it.
    alice.unregister().await?;
    is_kept(&office, "A", false).await
}

async fn behind_a_proxy() -> Result<()> {
    let mut office = Office::open("").await?;
    let at = |last: u8| SocketAddr::from(([127, 0, 0, last], free_port()));
    let own = office.own;
    let ways =
        Ways { trunk: own.trunk, phones: at(1), hookswitch: own.address, fallback: at(3), carrier: at(3) };
    let _kamailio = Kamailio::start(&ways).await?;
    let number = cast::phone("A").context("alice has a phone")?;
    let alice = Phone::with_password(number, cast::SIP_PASSWORD, ways.phones).await?;
    is_kept(&office, "A", true).await?;
    office.restart(End::Kill).await?;
    let trunk = Phone::unregistered("trunk", ways.carrier, ways.trunk).await?;
    office.alice_answers(&alice, &trunk).await
}

/// The configuration of the next life knows nobody of that name.
async fn no_agent() -> Result<()> {
    let mut office = Office::open("").await?;
    let (alice, bob) = (office.telephone_of("A").await?, office.telephone_of("B").await?);
    is_kept(&office, "A", true).await?;
    is_kept(&office, "B", true).await?;
    let without = office.configuration.replace("devices = [\"sip:1001\"]", "devices = [\"sip:1101\"]");
    office.daemon.write(&without)?;
    office.restart(End::Stop).await?;
    is_kept(&office, "A", false).await?;
    let trunk = office.trunk().await?;
    let call = trunk.call("5003").await?;
    let rings = bob.next_call().await?;
    ensure!(alice.waiting_call().await.is_none(), "a phone of nobody is rung");
    call.hang_up().await?;
    rings.wait_ended().await.map(drop)
}
