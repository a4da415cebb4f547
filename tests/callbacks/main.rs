//! Call-backs as customers, agents and programs have them: asked for by key or HTTP, seen at the phones and in the
//! events. The plain course stands in the stories; here is what may come in between.
//!
//! `cargo test -p hookswitch-tests --test callbacks -- cancel` plays those with that word in their names.
//! `HOOKSWITCH_SKIP_ASTERISK=1` leaves real PBXs out.

mod asked;
mod crash;
mod tried;

use std::{future::Future, pin::Pin};

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::cast::{Mode, customer_number};
use hookswitch_tests::http::Reply;
use hookswitch_tests::invariants::violations;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use libtest_mimic::{Arguments, Failed, Trial};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Scenes played side by side, unless the command line says otherwise.
const AT_A_TIME: usize = 4;

/// A queue that calls back, served by alice and bob, reached by the number of `Q3`.
const SETTINGS: &str = r#"[[queue]]
id = "promise"
strategy = "best-skill"
members = { teams = ["tier1"] }
requires = [{ skills = { support = 1 } }]
offer_timeout = "3s"
wrap_up = "0s"
callback = { key = "1", attempts = 2, retry_after = "1s" }

[[route]]
name = "promise"
when = 'dnis == "5023"'
queue = "promise"

"#;

type Scene = fn(Play) -> Pin<Box<dyn Future<Output = Result<()>>>>;

/// Scenes for every PBX.
const EVERYWHERE: [(&str, Scene); 3] = [
    ("a_program_asks_and_one_try_is_made", |play| Box::pin(asked::by_program(play))),
    ("an_agent_who_does_not_answer_leaves_the_place", |play| Box::pin(tried::agent_silent(play))),
    ("a_busy_customer_is_tried_again_until_it_failed", |play| Box::pin(tried::customer_busy(play))),
];

/// Scenes of a wire between the daemon and its PBX.
const WIRED: [(&str, Scene); 2] = [
    ("killed_before_the_pbx_has_the_dial", |play| {
        Box::pin(crash::in_flight(play, crash::Moment::BeforeThePbx))
    }),
    ("killed_when_the_pbx_has_the_dial", |play| Box::pin(crash::in_flight(play, crash::Moment::AtThePbx))),
];

/// Scenes in which the kind of PBX makes no difference.
const SIMULATED: [(&str, Scene); 9] = [
    ("who_hangs_up_after_the_key_is_called", |play| Box::pin(asked::hung_up_after_key(play))),
    ("at_a_time_and_by_the_same_agent", |play| Box::pin(asked::at_a_time(play))),
    ("a_waiting_caller_on_request", |play| Box::pin(asked::of_waiting_caller(play))),
    ("a_withheld_number_waits_on", |play| Box::pin(asked::withheld(play))),
    ("cancelled_in_every_state", |play| Box::pin(tried::cancelled(play))),
    ("who_calls_again_takes_the_place", |play| Box::pin(tried::calls_again(play))),
    ("the_line_is_served_in_the_order_people_came", |play| Box::pin(tried::in_order(play))),
    ("killed_while_the_customer_rings", |play| Box::pin(crash::while_customer_rings(play))),
    ("killed_and_the_try_ends_unseen", |play| Box::pin(crash::unseen(play))),
];

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let mut trials = Vec::new();
    for (name, place) in [
        ("simulator", Place::Simulator),
        ("asterisk_22", Place::Asterisk(Version::V22)),
        ("asterisk_16", Place::Asterisk(Version::V16)),
        ("sip", Place::Hookswitch),
    ] {
        let wired = if place == Place::Hookswitch { &[] } else { &WIRED[..] };
        let simulated = if place == Place::Simulator { &SIMULATED[..] } else { &[] };
        for (scene, play) in EVERYWHERE.iter().chain(wired).chain(simulated) {
            trials.push(Trial::test(format!("{scene}::{name}"), move || on(place, *play)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn on(place: Place, scene: Scene) -> Result<(), Failed> {
    if matches!(place, Place::Asterisk(_)) && skipped() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let played = runtime.block_on(async { scene(Play::begin(place).await?).await });
    played.map_err(|error| Failed::from(format!("{error:?}")))
}

/// A stage with a queue that calls back.
pub(crate) struct Play {
    pub(crate) stage: Stage,
    place: Place,
}

impl Play {
    async fn begin(place: Place) -> Result<Self> {
        Ok(Self { stage: Stage::set(place, Mode::Route, SETTINGS).await?, place })
    }

    /// Plays sentences; the error holds what was told.
    pub(crate) async fn script(&mut self, script: &str) -> Result<()> {
        let played = self.stage.play_script(script).await;
        played.with_context(|| {
            let told = self.stage.events();
            let told: Vec<String> = told.iter().map(hookswitch_tests::events::summary).collect();
            format!("events:\n{}\ndaemon:\n{}", told.join("\n"), self.stage.daemon.log())
        })
    }

    /// Nobody is free; `C` waits and presses the key.
    pub(crate) async fn promised(&mut self) -> Result<String> {
        self.script(
            "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; C dials Q3; \
             see queued promise; 0.3 s pass; C presses 1; see callback created; C is cut off; see ended callback",
        )
        .await?;
        let all = self.callbacks("?state=waiting").await?;
        let id = all.first().and_then(|callback| callback["id"].as_str()).context("a call-back")?;
        Ok(id.to_owned())
    }

    pub(crate) async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        self.stage.daemon.api().request(method, path, body).await
    }

    /// A program asks for a call-back of `C`; gives its id.
    pub(crate) async fn create(&self, more: &Value) -> Result<String> {
        let mut wish = json!({"queue": "promise", "number": customer_number("C")});
        for (name, value) in more.as_object().into_iter().flatten() {
            wish[name] = value.clone();
        }
        let reply = self.request(Method::POST, "/v1/callbacks", Some(&wish)).await?;
        ensure!(reply.status == StatusCode::ACCEPTED, "{} {}", reply.status, reply.body);
        Ok(reply.body["callback"].as_str().context("the id of the call-back")?.to_owned())
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<Reply> {
        self.request(Method::DELETE, &format!("/v1/callbacks/{id}"), None).await
    }

    pub(crate) async fn callback(&self, id: &str) -> Result<Value> {
        self.stage.daemon.api().get(&format!("/v1/callbacks/{id}")).await
    }

    pub(crate) async fn callbacks(&self, query: &str) -> Result<Vec<Value>> {
        let list = self.stage.daemon.api().get(&format!("/v1/callbacks{query}")).await?;
        Ok(list["items"].as_array().context("a list")?.clone())
    }

    /// How often the PBX was asked to dial, over all lives of the daemon; one that is the PBX itself says so.
    pub(crate) fn originates(&self) -> usize {
        if self.place == Place::Hookswitch {
            let dialled = |event: &&Value| event["type"] == "callback.dialled";
            return self.stage.events().iter().filter(dialled).count();
        }
        String::from_utf8_lossy(&self.stage.wire.sent()).matches("Action: Originate").count()
    }

    /// Whatever was told holds together.
    pub(crate) fn check(&self) -> Result<()> {
        let events = self.stage.events();
        let wrong = violations(&events);
        let told: Vec<String> = events.iter().map(hookswitch_tests::events::summary).collect();
        ensure!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), told.join("\n"));
        Ok(())
    }
}
