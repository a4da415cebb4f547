//! Who is calling: CRMs that know, and CRMs that are slow, failing, lying or endless; the directory for those without one.
//!
//! Whatever the CRM does, the phone rings as soon as it would have without one, the screen pops, and what went wrong can
//! be read.

mod contacts;
mod crm;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::Value;

use crate::crm::{Behaviour, Crm};

/// How long the CRM is waited for where nothing else is said: far longer than ringing takes.
const TIMEOUT: Duration = Duration::from_secs(4);
/// A phone that rings later than this after the call began was kept waiting by something.
const AT_ONCE: Duration = Duration::from_secs(2);

const ERIKA: &str = r#"{"id":42,"name":"Erika Muster","tier":"gold","phone":"030 5550001"}"#;
const OTTO: &str = r#"{"id":43,"name":"Otto Normal","phone":"+49305550001"}"#;

/// A call as far as this test looks at it.
struct Seen {
    stage: Stage,
    reader: Reader,
    crm: Crm,
}

impl Seen {
    /// C calls support with this CRM behind the daemon, and A answers.
    async fn call(behaviour: Behaviour, more: &str) -> Result<Self> {
        let crm = Crm::start(behaviour).await?;
        let mut seen = Self::stage(crm, "127.0.0.1", more).await?;
        seen.stage.play_script("C dials Q; A answers").await?;
        Ok(seen)
    }

    async fn stage(crm: Crm, host: &str, more: &str) -> Result<Self> {
        let private = if host == "127.0.0.1" { "allow_private = true\n" } else { "" };
        let settings = format!(
            "[crm.lookup]\nurl = \"http://{host}:{}/find?phone={{{{ ani.e164 | urlencode }}}}\"\nitems = \"/results\"\n\
             timeout = \"{}ms\"\n{private}{more}\n",
            crm.port(),
            TIMEOUT.as_millis(),
        );
        let stage = Stage::set(Place::Simulator, Mode::Route, &settings).await?;
        let reader = Reader::websocket(&stage.daemon.api(), "after=0").await?;
        Ok(Self { stage, reader, crm })
    }

    async fn event(&self, wanted: &str) -> Result<Value> {
        self.reader.wait(wanted, |event| kind(event) == wanted).await
    }

    /// The customer of the call, once it is known, and the last pop then.
    async fn identified(&self) -> Result<(Value, Value)> {
        let identified = self.event("call.identified").await?;
        let finally = |event: &Value| {
            kind(event) == "screen.pop" && text(event, "/data/pop/match").is_some_and(|m| m != "pending")
        };
        let pop = self.reader.wait("the final screen.pop", finally).await?;
        Ok((identified["data"]["call"]["customer"].clone(), pop["data"]["pop"].clone()))
    }

    /// How long after the first sight of the call the agent's phone rang.
    async fn rang_after(&self) -> Result<Duration> {
        let (started, offered) = (self.event("call.started").await?, self.event("call.offered").await?);
        Ok(at(&offered)?.saturating_sub(at(&started)?))
    }

    async fn metric(&self, line: &str) -> Result<()> {
        let metrics = self.stage.daemon.api().get("/metrics").await?;
        let metrics = metrics.as_str().context("metrics are text")?;
        ensure!(metrics.lines().any(|one| one == line), "{line} is not in\n{metrics}");
        Ok(())
    }
}

/// The time of an event within its day: `…T19:00:00.123456Z`.
fn at(event: &Value) -> Result<Duration> {
    let time = text(event, "/time").and_then(|time| time.split('T').nth(1)).context("an event has a time")?;
    let mut parts = time.trim_end_matches('Z').split(':').map(str::parse::<f64>);
    let mut next = || parts.next().context("a time of day")?.context("a number");
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    Ok(Duration::from_secs_f64(hours * 3_600.0 + minutes * 60.0 + seconds))
}

/// The phone rings at once, the screen pops, and the failure can be read in the metrics and in the log.
async fn check_failure(seen: &Seen, why: &str) -> Result<()> {
    let rang = seen.rang_after().await?;
    ensure!(rang < AT_ONCE, "it rang after {rang:?}");
    let first_pop = seen.event("screen.pop").await?;
    let (customer, pop) = seen.identified().await?;
    ensure!(customer["match"] == "error" && pop["match"] == "error", "{customer} {pop}");
    ensure!(first_pop["data"]["pop"]["id"] == pop["id"], "one pop, told twice");
    let search = "https://crm.example.com/search?tel=%2B49305550001";
    ensure!(pop["url"] == search, "a failure opens the search, not {pop}");
    seen.metric("hookswitch_lookups_total{outcome=\"error\"} 1").await?;
    seen.metric("hookswitch_lookup_up 0").await?;
    let log = seen.stage.daemon.log();
    ensure!(log.contains(why), "{why:?} is not in the log:\n{log}");
    ensure!(!log.contains("305550001"), "the log tells a caller's number:\n{log}");
    Ok(())
}

/// Defines one test a way to fail.
macro_rules! failures {
    ($($name:ident: $behaviour:expr => $why:expr;)*) => { $(
        #[tokio::test]
        async fn $name() -> Result<()> {
            check_failure(&Seen::call($behaviour, "").await?, $why).await
        }
    )* };
}

failures! {
    a_crm_that_never_answers_delays_nothing: Behaviour::Silent => "no answer within 4000 ms";
    a_crm_that_breaks_off_delays_nothing: Behaviour::Resets => "broke off";
    a_crm_that_fails_delays_nothing: Behaviour::Says("500 Oops", "text/plain", "trace") => "answers 500";
    an_answer_without_an_end_delays_nothing: Behaviour::Endless => "more than 256 KiB";
    an_answer_that_trickles_delays_nothing: Behaviour::Trickles => "no answer within 4000 ms";
    an_answer_that_is_no_json_is_told: Behaviour::Says("200 OK", "application/json", "{\"results\":[") => "not JSON";
    an_answer_without_the_list_is_told: Behaviour::Says("200 OK", "application/json", "{\"hits\":[]}") => "nothing at /results";
    a_list_too_long_to_be_true_is_told: Behaviour::Huge => "more than 256 KiB";
    a_page_to_log_in_is_no_answer: Behaviour::Says("200 OK", "text/html", "<html>Log in</html>") => "text/html";
}

#[tokio::test]
async fn a_redirect_is_not_followed_inside() -> Result<()> {
    let seen = Seen::call(Behaviour::Redirects, "").await?;
    check_failure(&seen, "redirects are not followed").await?;
    ensure!(seen.crm.asked().len() == 1, "{:?}", seen.crm.asked());
    Ok(())
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_reached() -> Result<()> {
    let mut seen = Seen::stage(Crm::start(Behaviour::Knows(ERIKA)).await?, "localhost", "").await?;
    seen.stage.play_script("C dials Q; A answers").await?;
    check_failure(&seen, "allow_private").await?;
    ensure!(seen.crm.asked().is_empty(), "{:?}", seen.crm.asked());
    Ok(())
}

#[tokio::test]
async fn a_known_caller_opens_the_page_of_the_record() -> Result<()> {
    let seen = Seen::call(Behaviour::Knows(ERIKA), "").await?;
    let (customer, pop) = seen.identified().await?;
    ensure!(customer["match"] == "one", "{customer}");
    let erika = &customer["candidates"][0];
    ensure!(erika["id"] == "42" && erika["name"] == "Erika Muster" && erika["score"] == 1.0, "{erika}");
    ensure!(erika["why"] == "exact E.164" && erika["fields"]["tier"] == "gold", "{erika}");
    ensure!(pop["match"] == "one" && pop["url"] == "https://crm.example.com/contacts/42", "{pop}");
    ensure!(seen.crm.asked() == ["GET /find?phone=%2B49305550001 HTTP/1.1"], "{:?}", seen.crm.asked());
    seen.metric("hookswitch_lookups_total{outcome=\"one\"} 1").await?;
    seen.metric("hookswitch_lookup_up 1").await
}

#[tokio::test]
async fn two_records_open_the_search_and_are_ranked() -> Result<()> {
    let seen = Seen::call(Behaviour::Says("200 OK", "text/html", BOTH), "").await?;
    let (customer, pop) = seen.identified().await?;
    // The type is wrong, the JSON is right, and one of them stands in it twice.
    ensure!(customer["candidates"].as_array().map(Vec::len) == Some(2), "{customer}");
    ensure!(customer["match"] == "many" && customer["candidates"][0]["id"] == "42", "{customer}");
    ensure!(pop["url"] == "https://crm.example.com/search?tel=%2B49305550001", "{pop}");
    Ok(())
}

/// Erika twice.
const BOTH: &str =
    r#"{"results":[{"id":42,"name":"Erika"},{"id":43,"name":"Otto"},{"id":42,"name":"Erika"}]}"#;

#[tokio::test]
async fn the_same_record_twice_is_one() -> Result<()> {
    let seen = Seen::call(Behaviour::Says("200 OK", "application/json", TWICE), "").await?;
    let (customer, _) = seen.identified().await?;
    ensure!(
        customer["match"] == "one" && customer["candidates"].as_array().map(Vec::len) == Some(1),
        "{customer}"
    );
    Ok(())
}

const TWICE: &str = r#"{"results":[{"id":43,"name":"Otto"},{"id":43,"name":"Otto"}]}"#;

#[tokio::test]
async fn an_unknown_caller_opens_the_form_for_a_new_lead() -> Result<()> {
    for nobody in [Behaviour::Knows(""), Behaviour::Says("404 Not Found", "text/html", "<html>")] {
        let seen = Seen::call(nobody, "").await?;
        let (customer, pop) = seen.identified().await?;
        ensure!(customer["match"] == "none", "{customer}");
        ensure!(pop["url"] == "https://crm.example.com/leads/new?tel=%2B49305550001", "{pop}");
    }
    Ok(())
}

/// A rule that reads the customer.
const GOLD: &str = "[[route]]\nname = \"gold\"\nwhen = 'dnis == \"5003\" && customer.tier == \"gold\"'\nqueue = \"support\"\n\
                    set = { segment = \"gold\" }\n";

#[tokio::test]
async fn a_rule_waits_for_the_customer_as_long_as_configured() -> Result<()> {
    let soon = Behaviour::KnowsAfter(Duration::from_millis(100), ERIKA);
    let seen = Seen::call(soon, &format!("route_wait = \"3s\"\n{GOLD}")).await?;
    let offered = seen.event("call.offered").await?;
    ensure!(offered["data"]["call"]["rule"] == "gold", "{offered}");
    ensure!(
        seen.rang_after().await? < Duration::from_secs(3),
        "it waits for the answer, not for the time to pass"
    );
    Ok(())
}

#[tokio::test]
async fn a_rule_waits_no_longer_than_configured() -> Result<()> {
    let seen = Seen::call(Behaviour::Silent, &format!("route_wait = \"300ms\"\n{GOLD}")).await?;
    let offered = seen.event("call.offered").await?;
    ensure!(offered["data"]["call"]["rule"] == "support", "{offered}");
    let rang = seen.rang_after().await?;
    ensure!((Duration::from_millis(300)..AT_ONCE).contains(&rang), "it rang after {rang:?}");
    Ok(())
}

#[tokio::test]
async fn a_caller_who_hides_the_number_is_not_asked_for() -> Result<()> {
    let mut seen = Seen::stage(Crm::start(Behaviour::Knows(ERIKA)).await?, "127.0.0.1", "").await?;
    seen.stage.play_script("C dials Q withheld; A answers").await?;
    let pop = seen.event("screen.pop").await?;
    ensure!(pop["data"]["call"]["customer"]["match"] == "none", "{pop}");
    ensure!(seen.crm.asked().is_empty(), "{:?}", seen.crm.asked());
    Ok(())
}

#[tokio::test]
async fn who_was_asked_for_before_a_death_is_asked_for_again() -> Result<()> {
    let mut seen = Seen::call(Behaviour::KnowsAfter(Duration::from_secs(2), OTTO), "").await?;
    seen.event("call.answered").await?;
    seen.stage.play_script("the daemon dies; the daemon returns").await?;
    let api = seen.stage.daemon.api();
    let reader = Reader::websocket(&api, "after=0").await?;
    let identified = reader.wait("call.identified", |event| kind(event) == "call.identified").await?;
    ensure!(identified["data"]["call"]["customer"]["candidates"][0]["id"] == "43", "{identified}");
    ensure!(seen.crm.asked().len() == 2, "{:?}", seen.crm.asked());
    Ok(())
}

#[tokio::test]
async fn who_was_asked_for_is_told_also_of_a_call_that_was_over_at_a_death() -> Result<()> {
    let mut seen = Seen::call(Behaviour::KnowsWhenAskedAgain(OTTO), "").await?;
    seen.stage.play_script("C hangs up; A is free").await?;
    let ended = seen.event("call.ended").await?;
    ensure!(ended["data"]["call"]["customer"]["match"] == "pending", "{ended}");
    seen.stage.play_script("the daemon dies; the daemon returns").await?;
    let reader = Reader::websocket(&seen.stage.daemon.api(), "after=0").await?;
    let identified = reader.wait("call.identified", |event| kind(event) == "call.identified").await?;
    ensure!(identified["data"]["call"]["id"] == ended["data"]["call"]["id"], "{identified}");
    ensure!(identified["data"]["call"]["customer"]["candidates"][0]["id"] == "43", "{identified}");
    Ok(())
}

#[tokio::test]
async fn of_two_who_share_a_number_the_one_of_the_last_agent_comes_first() -> Result<()> {
    let mut seen = Seen::call(Behaviour::Knows(SHARED), "agent = \"/owner\"\n").await?;
    let (customer, _) = seen.identified().await?;
    let first = &customer["candidates"][0];
    ensure!(first["name"] == "Erika" && first["why"] == "shared number", "{customer}");
    seen.stage.play_script("C hangs up; A is free").await?;
    let mark = seen.reader.mark();
    seen.stage.play_script("C dials Q; A answers").await?;
    let known = |event: &Value| kind(event) == "call.identified";
    let identified = seen.reader.wait_after(mark, "call.identified", known).await?;
    let customer = &identified["data"]["call"]["customer"];
    let first = &customer["candidates"][0];
    ensure!(first["name"] == "Otto" && first["why"] == "last agent" && first["score"] == 0.9, "{customer}");
    Ok(())
}

/// Two behind one number; A, who has the best skill, is alice.
const SHARED: &str = r#"{"id":42,"name":"Erika","owner":"bob"},{"id":43,"name":"Otto","owner":"alice"}"#;

#[tokio::test]
async fn a_reload_asks_the_crm_that_is_named_then() -> Result<()> {
    let mut seen = Seen::call(Behaviour::Says("500 Oops", "text/plain", ""), "").await?;
    seen.stage.play_script("C hangs up; A is free").await?;
    let other = Crm::start(Behaviour::Knows(OTTO)).await?;
    let written = std::fs::read_to_string(seen.stage.daemon.config())?;
    let (old, new) = (format!(":{}/", seen.crm.port()), format!(":{}/", other.port()));
    std::fs::write(seen.stage.daemon.config(), written.replace(&old, &new))?;
    let mark = seen.reader.mark();
    seen.stage.daemon.signal("HUP").await?;
    seen.reader.wait_after(mark, "config.applied", |event| kind(event) == "config.applied").await?;
    seen.stage.play_script("C dials Q; A answers").await?;
    let identified = |event: &Value| kind(event) == "call.identified";
    let identified = seen.reader.wait_after(mark, "call.identified", identified).await?;
    ensure!(identified["data"]["call"]["customer"]["candidates"][0]["id"] == "43", "{identified}");
    ensure!((seen.crm.asked().len(), other.asked().len()) == (1, 1), "each was asked once");
    seen.metric("hookswitch_lookup_up 1").await
}

#[tokio::test]
async fn what_a_crm_said_of_a_customer_is_erased_with_the_number() -> Result<()> {
    let mut seen = Seen::call(Behaviour::Knows(ERIKA), "").await?;
    seen.identified().await?;
    seen.stage.play_script("C hangs up; A is free").await?;
    seen.event("call.ended").await?;
    seen.stage.daemon.stop().await?;
    let export = |said: std::process::Output| String::from_utf8_lossy(&said.stdout).into_owned();
    let told = export(seen.stage.daemon.command(&["journal", "export"]).await?);
    ensure!(told.contains("Erika Muster") && told.contains("305550001"), "the journal tells of her: {told}");
    let erased = seen.stage.daemon.command(&["journal", "erase", "--number", "+49305550001"]).await?;
    ensure!(erased.status.success(), "{erased:?}");
    let told = export(seen.stage.daemon.command(&["journal", "export"]).await?);
    ensure!(!told.is_empty(), "the rest is there");
    for trace in ["Erika", "305550001", "gold"] {
        ensure!(!told.contains(trace), "{trace} is still told: {told}");
    }
    Ok(())
}
