//! An office whose PBX is Hookswitch: alice's and bob's phones, a queue, a trunk.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::{self, Own, SIP_PASSWORD};
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::expect::{Expected, check_end};
use hookswitch_tests::invariants::violations;
use hookswitch_tests::phone::Phone;
use hookswitch_tests::ports::free_port;
use hookswitch_tests::sipp::{Played, Side};
use hookswitch_tests::webhook::Sink;
use serde_json::Value;

/// A daemon that is the PBX, and a reader of its events.
pub(crate) struct Office {
    pub(crate) own: Own,
    pub(crate) configuration: String,
    pub(crate) daemon: Daemon,
    pub(crate) reader: Reader,
    _sink: Sink,
}

impl Office {
    /// Opens it, with more configuration.
    pub(crate) async fn open(more: &str) -> Result<Self> {
        Self::with("", more).await
    }

    /// Opens it, with more keys of the PBX and more configuration.
    pub(crate) async fn with(keys: &str, more: &str) -> Result<Self> {
        let own = Own::somewhere();
        let sink = Sink::start().await?;
        let configuration = cast::own_configuration(&own, &sink.url(), more);
        let configuration =
            configuration.replacen("kind = \"sip\"\n", &format!("kind = \"sip\"\n{keys}\n"), 1);
        let mut daemon = Daemon::start(&configuration).await?;
        daemon.wait_links_up().await?;
        let reader = Reader::websocket(&daemon.api(), "after=0").await?;
        Ok(Self { own, configuration, daemon, reader, _sink: sink })
    }

    /// Somebody's phone is at this address now.
    pub(crate) async fn phone_of(&self, who: &str) -> Result<SocketAddr> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let number = cast::phone(who).context("who has a phone")?;
        Phone::enrol((number, SIP_PASSWORD), address, self.own.address, 3_600).await?;
        Ok(address)
    }

    /// A telephone with somebody's number and password.
    pub(crate) async fn telephone_of(&self, who: &str) -> Result<Phone> {
        Phone::with_password(cast::phone(who).context("who has a phone")?, SIP_PASSWORD, self.own.address)
            .await
    }

    /// The trunk's telephone: customers call from it.
    pub(crate) async fn trunk(&self) -> Result<Phone> {
        Phone::unregistered("trunk", self.own.trunk, self.own.address).await
    }

    /// Waits for an event.
    pub(crate) async fn see(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        self.reader.wait(what, fits).await
    }

    /// A phone plays its script there.
    pub(crate) async fn phone(&self, address: SocketAddr, script: &str) -> Result<Played> {
        Played::begin((Side::Phone, script), address, ("", self.own.address)).await
    }

    /// A customer plays a script, from the trunk's address.
    pub(crate) async fn caller(&self, number: &str, script: &str) -> Result<Played> {
        let address = SocketAddr::from(([127, 0, 0, 2], free_port()));
        Played::begin((Side::Caller, script), address, (number, self.own.address)).await
    }

    /// Waits for the end of so many calls; gives their dispositions, in order.
    pub(crate) async fn ends(&self, calls: usize) -> Result<Vec<String>> {
        let mut mark = 0;
        for _ in 0..calls {
            (mark, _) =
                self.reader.find_after(mark, "call.ended", |event| kind(event) == "call.ended").await?;
        }
        let events = self.reader.events();
        let ended = events.iter().filter(|event| kind(event) == "call.ended");
        Ok(ended.filter_map(|event| text(event, "/data/ledger/disposition").map(str::to_owned)).collect())
    }

    /// Waits for the end of so many calls, and holds what was told of each, in the order in which they started, against
    /// what is [expected](Expected) of it and of its [end](check_end); then nobody is busy and nothing is left.
    pub(crate) async fn told(&self, calls: &[(&str, &str)]) -> Result<()> {
        self.ends(calls.len()).await?;
        self.reader.check_chain()?;
        let events = self.reader.events();
        let started: Vec<&str> = events
            .iter()
            .filter(|event| kind(event) == "call.started")
            .filter_map(|event| text(event, "/data/call/id"))
            .collect();
        ensure!(started.len() == calls.len(), "{} calls:\n{}", started.len(), self.reader.story());
        for (call, (expected, end)) in started.iter().zip(calls) {
            Expected::parse(expected)?.check(call, &events, &cast::id)?;
            let ended = events
                .iter()
                .find(|event| kind(event) == "call.ended" && text(event, "/data/call/id") == Some(call));
            check_end(end, ended.context("no end")?, &cast::id)?;
        }
        let wrong = violations(&events);
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.is_idle().await
    }

    /// Nobody is busy and nothing is left.
    pub(crate) async fn is_idle(&self) -> Result<()> {
        let snapshot = self.daemon.api().get("/v1/snapshot").await?;
        let calls = snapshot["calls"].as_array().context("calls is a list")?;
        ensure!(calls.is_empty(), "calls are left: {calls:?}");
        let busy =
            |agent: &&Value| matches!(agent["state"].as_str(), Some("reserved" | "talking" | "holding"));
        let stuck = snapshot["agents"].as_array().context("agents is a list")?.iter().find(busy);
        ensure!(stuck.is_none(), "stuck: {stuck:?}");
        Ok(())
    }
}
