//! A stage: a PBX with people, the daemon beside it, readers of its events; and the stories played on it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time;

use crate::act::Act;
use crate::cast::{self, Mode};
use crate::daemon::Daemon;
use crate::events::{Reader, kind, summary, text};
use crate::expect::{Expected, check_end};
use crate::http::Reply;
use crate::invariants::violations;
use crate::proxy::Wire;
use crate::webhook::Sink;
use crate::world::{Place, World};

/// How long a phone rings at least before it is picked up.
const REACTION: Duration = Duration::from_millis(150);

/// A story: what people do, and what must be told of it.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// As in the table of stories.
    pub name: &'static str,
    /// Where it applies.
    pub modes: &'static [Mode],
    /// On what it can be played.
    pub stages: Stages,
    /// [Sentences](Act), and [directions](Stage::direct), separated by `;`.
    pub script: &'static str,
    /// [Events](Expected) and [end](check_end) of each call, in the order in which they started.
    pub calls: &'static [(&'static str, &'static str)],
    /// More configuration.
    pub settings: &'static str,
}

/// On what a story can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stages {
    /// Every PBX.
    All,
    /// Real ones: the simulator does not know how.
    Real,
    /// The simulator: a real PBX cannot be made to.
    Simulated,
}

impl Stages {
    /// Whether a story with these can be played there.
    #[must_use]
    pub fn hold(self, place: Place) -> bool {
        match (self, place) {
            (Self::All, _)
            | (Self::Real, Place::Asterisk(_) | Place::Hookswitch | Place::BehindKamailio)
            | (Self::Simulated, Place::Simulator) => true,
            (Self::Real, Place::Simulator)
            | (Self::Simulated, Place::Asterisk(_) | Place::Hookswitch | Place::BehindKamailio) => false,
        }
    }
}

/// A PBX, the daemon, and what it tells.
#[derive(Debug)]
pub struct Stage {
    /// The PBX and the people.
    pub world: World,
    /// The daemon.
    pub daemon: Daemon,
    /// The daemon's wire to the PBX.
    pub wire: Wire,
    /// The CRM.
    pub sink: Sink,
    reader: Reader,
    /// What earlier connections of the reader got.
    earlier: Vec<Value>,
    /// Everything before this mark has been seen by the script.
    seen: usize,
}

impl Stage {
    /// Sets up a PBX, writes `hookswitch dialplan` into it, and starts the daemon.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn set(place: Place, mode: Mode, settings: &str) -> Result<Self> {
        Self::set_with(place, mode, settings, |configuration| configuration).await
    }

    /// The same with a configuration that is changed before the daemon reads it.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn set_with(
        place: Place,
        mode: Mode,
        settings: &str,
        change: impl FnOnce(String) -> String,
    ) -> Result<Self> {
        let mut world = World::create(place, mode).await?;
        let wire = Wire::to(world.ami()).await?;
        let sink = Sink::start().await?;
        let configuration = change(world.configuration(wire.address(), mode, &sink.url(), settings));
        let mut daemon = Daemon::prepare(&configuration)?;
        if !place.is_own() {
            world.open(&printed_dialplan(&daemon, mode).await?).await?;
        }
        daemon.launch().await?;
        daemon.wait_links_up().await?;
        world.daemon_runs(settings).await?;
        let reader = Reader::websocket(&daemon.api(), "after=0").await?;
        Ok(Self { world, daemon, wire, sink, reader, earlier: Vec::new(), seen: 0 })
    }

    /// Plays a story and checks everything that was told of it.
    ///
    /// # Errors
    /// When something is not done, not seen or not right: the error holds the events and what the phones saw.
    pub async fn play(mut self, story: &Story) -> Result<()> {
        let played = self.play_script(story.script).await;
        let checked = match played {
            Ok(()) => self.check(story).await,
            Err(error) => Err(error),
        };
        checked.with_context(|| {
            let (events, phones, log) = (self.reader.story(), self.world.diary(), self.daemon.log());
            format!("story {}\nevents:\n{events}\nphones:\n{phones}\ndaemon:\n{log}", story.name)
        })
    }

    /// Plays the sentences of a script, and nothing else.
    ///
    /// # Errors
    /// When something is not done or not seen in time.
    pub async fn play_script(&mut self, script: &str) -> Result<()> {
        for sentence in script.split(';').map(str::trim).filter(|sentence| !sentence.is_empty()) {
            self.direct(sentence).await.with_context(|| format!("`{sentence}`"))?;
        }
        Ok(())
    }

    /// A sentence of a script: an [`Act`], or
    ///
    /// - `see answered A`: waits for an event that comes after the last one seen; `in the end see …` for longer
    /// - `0.5 s pass`
    /// - `A goes not_ready`, `A goes not_ready lunch`
    /// - at the screen of an agent: `A asks hold`, `A asks transfer B`, `A asks dial F`, `A asks consult/complete`;
    ///   `A may not hold`, when that is refused with what is allowed; `A notes case=7` attaches data
    /// - of another program at the manager interface: `a manager dials F for A`, `a manager transfers A to B`,
    ///   `a manager lets A consult B`
    /// - `the daemon dies`, `the daemon returns`, `the wire is cut`, `the wire is mended`, `the PBX restarts`
    ///
    /// # Errors
    /// When it is not done or not seen in time.
    pub async fn direct(&mut self, sentence: &str) -> Result<()> {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        match words.as_slice() {
            ["see", ..] => self.see(&sentence["see ".len()..]).await,
            ["in", "the", "end", "see", ..] => {
                // The reaper takes up to 90 s: three times the patience of a reader.
                let expected = &sentence["in the end see ".len()..];
                self.see(expected).await.or(self.see(expected).await).or(self.see(expected).await)
            }
            [seconds, "s", "pass"] => {
                // The passing of time is what the story tells; nothing is waited for.
                time::sleep(Duration::from_secs_f64(seconds.parse().context("seconds")?)).await;
                Ok(())
            }
            [who, "goes", state, reason @ ..] => {
                let body = json!({"state": state, "reason": reason.first()});
                let path = format!("/v1/agents/{}/state", cast::id(who));
                self.daemon.api().put(&path, &body).await.map(drop)
            }
            [who, "asks", verb, what @ ..] => {
                let reply = self.ask(who, verb, what).await?;
                ensure!(reply.status == StatusCode::ACCEPTED, "{} {}", reply.status, reply.body);
                Ok(())
            }
            [who, "notes", what] => {
                let (key, value) = what.split_once('=').context("KEY=VALUE")?;
                let path = format!("/v1/calls/{}/data", self.call_of(who).await?);
                let reply =
                    self.daemon.api().request(Method::PATCH, &path, Some(&json!({key: value}))).await?;
                ensure!(reply.status == StatusCode::ACCEPTED, "{} {}", reply.status, reply.body);
                Ok(())
            }
            [who, "may", "not", verb, what @ ..] => {
                let reply = self.ask(who, verb, what).await?;
                ensure!(reply.status == StatusCode::CONFLICT, "{} {}", reply.status, reply.body);
                ensure!(reply.body["allowed"].is_array(), "{}", reply.body);
                Ok(())
            }
            ["a", "manager", "dials", target, "for", who] => self.manager_dials(who, target).await,
            ["a", "manager", "transfers", who, "to", target] => {
                self.manager_moves("BlindTransfer", who, target).await
            }
            ["a", "manager", "lets", who, "consult", target] => {
                self.manager_moves("Atxfer", who, target).await
            }
            ["the", "daemon", "dies"] => self.daemon.kill().await,
            ["the", "daemon", "returns"] => self.daemon_returns().await,
            ["the", "wire", "is", "cut"] => {
                self.wire.cut();
                Ok(())
            }
            ["the", "wire", "is", "mended"] => {
                self.wire.mend();
                self.daemon.wait_links_up().await
            }
            ["the", "PBX", "restarts"] => self.world.restart().await,
            _ => {
                let act = sentence.parse::<Act>()?;
                if matches!(act, Act::Answers(_)) {
                    // People take a moment: so waiting has a length that can be booked.
                    self.world.perform(&Act::Rings(words[0].to_owned())).await?;
                    time::sleep(REACTION).await;
                }
                self.world.perform(&act).await
            }
        }
    }

    async fn see(&mut self, sentence: &str) -> Result<()> {
        let expected = Expected::parse(sentence)?;
        let fits = |event: &Value| expected.fits_first(event, &cast::id);
        let (mark, _) = self.reader.find_after(self.seen, sentence, fits).await?;
        self.seen = mark;
        Ok(())
    }

    /// The id of the first live call an agent is in.
    ///
    /// # Errors
    /// When there is none.
    pub async fn call_of(&self, who: &str) -> Result<String> {
        let agent = cast::id(who);
        let calls = self.daemon.api().get("/v1/calls").await?;
        let is_in = |call: &&Value| {
            let mut legs = call["legs"].as_array().into_iter().flatten();
            legs.any(|leg| leg["agent"] == agent.as_str() && leg["state"] != "left")
        };
        let call = calls["items"].as_array().into_iter().flatten().find(is_in);
        let id = call.and_then(|call| call["id"].as_str()).with_context(|| format!("{who} has no call"))?;
        Ok(id.to_owned())
    }

    /// What an agent asks for at the screen: of the call in which that is allowed, else of the agent's first.
    ///
    /// # Errors
    /// When the agent has no call, or the daemon does not answer.
    pub async fn ask(&self, who: &str, verb: &str, what: &[&str]) -> Result<Reply> {
        let agent = cast::id(who);
        let mut body = json!({"agent": agent});
        let to = what.first().map(|to| match cast::id(to) {
            id if id != **to => id,
            _ => cast::dialled_inside(to, Mode::Route),
        });
        let field = match verb {
            "dial" | "transfer" | "consult" => "to",
            "dtmf" => "digits",
            "supervise" => "mode",
            _ => "agent",
        };
        if let Some(to) = to.filter(|_| field != "agent") {
            body[field] = json!(to);
        }
        if verb == "record" {
            body["on"] = json!(what.first() != Some(&"off"));
        }
        if verb == "dial" {
            return self.daemon.api().request(Method::POST, "/v1/calls", Some(&body)).await;
        }
        let calls = self.daemon.api().get("/v1/calls").await?;
        let calls = calls["items"].as_array().context("a list of calls")?;
        let leg = |call: &Value| {
            let legs = call["legs"].as_array().cloned().unwrap_or_default();
            legs.into_iter().find(|leg| leg["agent"] == agent.as_str() && leg["state"] != "left")
        };
        let allowed = |call: &&Value| {
            let actions = leg(call).map(|leg| leg["actions"].clone());
            let action = verb.replace('/', "_");
            let names = |one: &Value| one.as_str().is_some_and(|one| one.replace('/', "_") == action);
            actions.and_then(|all| all.as_array().cloned()).is_some_and(|all| all.iter().any(names))
        };
        let call = match verb {
            "supervise" => calls.first(),
            _ => calls.iter().find(allowed).or_else(|| calls.iter().find(|call| leg(call).is_some())),
        };
        let id = call.and_then(|call| call["id"].as_str()).with_context(|| format!("{who} has no call"))?;
        if verb == "supervise" {
            // The supervisor's device is that of an agent of the configuration.
            body["supervisor"] = json!(agent);
            body.as_object_mut().map(|body| body.remove("agent"));
        }
        self.daemon.api().request(Method::POST, &format!("/v1/calls/{id}/{verb}"), Some(&body)).await
    }

    /// Another program at the manager interface: the agent's phone first, then the target.
    async fn manager_dials(&self, who: &str, target: &str) -> Result<()> {
        let (device, target) = (device(who)?, cast::dialled_inside(target, Mode::Observe));
        let fields = [
            ("Channel", device.as_str()),
            ("Context", "from-internal"),
            ("Exten", &target),
            ("Priority", "1"),
            ("CallerID", &target),
            ("Timeout", "3000"),
            ("Async", "true"),
        ];
        let response = self.world.manager().await?.act("Originate", &fields).await?;
        ensure!(response.get("Response").is_some_and(|r| r == "Success"), "{response:?}");
        Ok(())
    }

    /// The same program moves the call of somebody's phone.
    async fn manager_moves(&self, action: &str, who: &str, target: &str) -> Result<()> {
        let manager = self.world.manager().await?;
        manager.act("CoreShowChannels", &[]).await?;
        manager.wait_event("CoreShowChannelsComplete", &[]).await?;
        let of_phone = format!("{}-", device(who)?);
        let frames = manager.frames();
        let mut channels = frames.iter().filter_map(|frame| frame.get("Channel"));
        let channel =
            channels.find(|name| name.starts_with(&of_phone)).context("the phone has no channel")?;
        let target = cast::dialled_inside(target, Mode::Observe);
        let fields = [("Channel", channel.as_str()), ("Context", "from-internal"), ("Exten", &target)];
        let response = manager.act(action, &fields).await?;
        ensure!(response.get("Response").is_some_and(|r| r == "Success"), "{response:?}");
        Ok(())
    }

    /// Starts the daemon again, and reads on behind the last event that was read.
    async fn daemon_returns(&mut self) -> Result<()> {
        self.reader.check_chain()?;
        let mut read = self.reader.events();
        let last = read.last().and_then(|event| text(event, "/sequence")).unwrap_or("0").to_owned();
        self.earlier.append(&mut read);
        self.daemon.launch().await?;
        self.daemon.wait_links_up().await?;
        self.world.daemon_runs("").await?;
        self.reader = Reader::websocket(&self.daemon.api(), &format!("after={last}")).await?;
        self.seen = 0;
        Ok(())
    }

    /// Everything that was told, over all lives of the daemon.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.earlier.iter().cloned().chain(self.reader.events()).collect()
    }

    /// Waits for an event, also one that came before.
    ///
    /// # Errors
    /// When it does not come in time: the error lists what came.
    pub async fn wait(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        self.reader.wait(what, fits).await
    }

    async fn check(&mut self, story: &Story) -> Result<()> {
        self.wait_for_ends(story.calls.len()).await?;
        self.world.hang_up_all().await;
        self.reader.check_chain()?;
        let events = self.events();
        let started = events.iter().filter(|event| kind(event) == "call.started");
        let calls: Vec<&str> = started.filter_map(|event| text(event, "/data/call/id")).collect();
        ensure!(calls.len() == story.calls.len(), "{} calls instead of {}", calls.len(), story.calls.len());
        let named = |name: &str| match name {
            "first" => calls[0].to_owned(),
            other => cast::id(other),
        };
        for (call, (expected, end)) in calls.iter().zip(story.calls) {
            Expected::parse(expected)?.check(call, &events, &named)?;
            let ended = events.iter().find(|event| is_end_of(event, call)).context("no call.ended")?;
            check_end(end, ended, &named)?;
        }
        let violations = violations(&events);
        ensure!(violations.is_empty(), "{}", violations.join("\n"));
        self.check_snapshot().await?;
        self.check_webhook(&events).await
    }

    /// Waits until this many calls have ended, and every other that started.
    async fn wait_for_ends(&mut self, calls: usize) -> Result<()> {
        let ended = |events: &[Value]| events.iter().filter(|event| kind(event) == "call.ended").count();
        let mut missing = calls.saturating_sub(ended(&self.earlier));
        let mut mark = 0;
        while missing > 0 {
            let what = format!("{missing} more call.ended");
            (mark, _) = self.reader.find_after(mark, &what, |event| kind(event) == "call.ended").await?;
            missing -= 1;
        }
        let events = self.events();
        let started = events.iter().filter(|event| kind(event) == "call.started");
        for call in started.filter_map(|event| text(event, "/data/call/id")) {
            if !events.iter().any(|event| is_end_of(event, call)) {
                self.reader.wait(&format!("the end of {call}"), |event| is_end_of(event, call)).await?;
            }
        }
        Ok(())
    }

    /// After the last call nobody is busy and nobody waits.
    async fn check_snapshot(&self) -> Result<()> {
        let snapshot = self.daemon.api().get("/v1/snapshot").await?;
        let calls = snapshot["calls"].as_array().context("calls is a list")?;
        ensure!(calls.is_empty(), "calls are left: {calls:?}");
        for agent in snapshot["agents"].as_array().context("agents is a list")? {
            let state = agent["state"].as_str().unwrap_or("");
            ensure!(!matches!(state, "reserved" | "talking" | "holding"), "stuck: {agent}");
        }
        Ok(())
    }

    /// The CRM was told the same, each call in order, and every signature is right.
    async fn check_webhook(&self, events: &[Value]) -> Result<()> {
        let calls = events.iter().filter(|event| kind(event) == "call.ended");
        for call in calls.filter_map(|event| text(event, "/data/call/id")) {
            self.sink.wait(&format!("end of {call}"), |event| is_end_of(event, call)).await?;
            let of_call = |event: &&Value| {
                text(event, "/data/call/id") == Some(call)
                    && (kind(event).starts_with("call.") || kind(event) == "screen.pop")
            };
            let told = self.sink.events();
            // At least once: what the daemon did not live to note as delivered comes again.
            let mut ids = BTreeSet::new();
            let first_time = |event: &&Value| ids.insert(event["id"].to_string());
            let told: Vec<_> = told.iter().filter(of_call).filter(first_time).map(without_prev).collect();
            let read: Vec<_> = events.iter().filter(of_call).map(without_prev).collect();
            if let Some(difference) = first_difference(&told, &read) {
                bail!("webhook and WebSocket differ: {difference}");
            }
        }
        self.sink.deliveries().iter().try_for_each(|delivery| delivery.check_signature(cast::WEBHOOK_SECRET))
    }
}

/// `PJSIP/1001` for `A`.
fn device(who: &str) -> Result<String> {
    Ok(format!("PJSIP/{}", cast::phone(who).with_context(|| format!("{who} has no phone"))?))
}

/// What the PBX is to include: nothing in observe mode.
async fn printed_dialplan(daemon: &Daemon, mode: Mode) -> Result<String> {
    if mode == Mode::Observe {
        return Ok(String::new());
    }
    let output = daemon.command(&["dialplan"]).await?;
    ensure!(output.status.success(), "dialplan: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn is_end_of(event: &Value, call: &str) -> bool {
    kind(event) == "call.ended" && text(event, "/data/call/id") == Some(call)
}

/// Where two lists of events part; `None` when they are the same.
fn first_difference(told: &[Value], read: &[Value]) -> Option<String> {
    let at = (0..told.len().max(read.len())).find(|at| told.get(*at) != read.get(*at))?;
    let show = |events: &[Value]| events.get(at).map_or("nothing".to_owned(), |event| format!("{event:#}"));
    let list = |events: &[Value]| events.iter().map(summary).collect::<Vec<_>>().join("\n  ");
    let (all_told, all_read) = (list(told), list(read));
    Some(format!("told\n  {all_told}\nread\n  {all_read}\nfirst difference:\n{}\n{}", show(told), show(read)))
}

/// The same event is equal JSON by every way but `prev`.
fn without_prev(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(object) = event.as_object_mut() {
        object.remove("prev");
    }
    event
}
