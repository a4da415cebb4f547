//! Agents and customers at baresip: a real softphone does what the stories tell of scripted ones, and hears who speaks.

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::{self, OUTSIDE, SIP_PASSWORD};
use hookswitch_tests::events::{kind, text};
use libtest_mimic::Trial;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::baresip::{Baresip, Owner};
use crate::block_on;
use crate::office::Office;

/// What the people say, in Hz.
const ALICE: u32 = 440;
const BOB: u32 = 660;
const CUSTOMER: u32 = 880;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("phones::a_softphone_is_rung_answers_holds_and_retrieves", || block_on(held())),
        Trial::test("phones::a_softphone_that_declines_is_passed_over", || block_on(declined())),
        Trial::test("phones::the_first_of_two_softphones_to_answer_wins", || block_on(first_wins())),
        Trial::test("phones::a_softphone_transfers_blind_by_its_own_key", || block_on(transferred())),
        Trial::test("phones::a_softphone_is_called_to_dial", || block_on(click_to_dial())),
        Trial::test("phones::the_api_holds_and_transfers_for_a_softphone", || block_on(by_the_api())),
        Trial::test("phones::who_quits_the_softphone_is_not_offered_calls", || block_on(quit())),
        Trial::test("phones::a_customer_who_gives_up_stops_the_softphone", || block_on(given_up())),
        Trial::test("phones::a_wrong_password_registers_nobody", || block_on(wrong_password())),
    ]
}

impl Office {
    /// Somebody's softphone; it is registered.
    pub(crate) async fn softphone_of(&self, who: &str, voice: u32) -> Result<Baresip> {
        let user = cast::phone(who).context("who has a phone")?;
        let owner = Owner { user, password: Some(SIP_PASSWORD), voice };
        Baresip::start(owner, [127, 0, 0, 1], self.own.address).await
    }

    /// A softphone at the other end of the trunk: customers call from it, the outside party answers it.
    pub(crate) async fn softphone_outside(&self) -> Result<Baresip> {
        self.softphone_outside_as("+49305550001").await
    }

    async fn softphone_outside_as(&self, user: &str) -> Result<Baresip> {
        let owner = Owner { user, password: None, voice: CUSTOMER };
        let ports = hookswitch_tests::ports::free_ports(Baresip::PORTS);
        Baresip::start_at(owner, self.own.trunk, ports, self.own.address).await
    }

    async fn sees(&self, what: &'static str, who: &str) -> Result<Value> {
        let agent = cast::id(who);
        let whose = |event: &Value| {
            ["/data/agent/id", "/data/offer/agent", "/data/to_agent"]
                .iter()
                .any(|at| text(event, at) == Some(agent.as_str()))
        };
        self.see(what, |event| kind(event) == what && (who.is_empty() || whose(event))).await
    }

    /// A softphone rings and is answered: somebody, whoever's phone it is, is told to talk.
    pub(crate) async fn is_answered(&self, softphone: &mut Baresip, who: &str) -> Result<Value> {
        softphone.rings().await?;
        softphone.answers().await?;
        self.sees("call.answered", who).await
    }
}

async fn held() -> Result<()> {
    let office = Office::open("").await?;
    let mut alice = office.softphone_of("A", ALICE).await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    let shown = alice.rings().await?;
    ensure!(shown.starts_with("sip:+49305550001@"), "alice sees {shown}");
    alice.answers().await?;
    customer.sees("CALL_ESTABLISHED").await?;
    office.sees("call.answered", "A").await?;
    // baresip writes down what it hears until the first re-INVITE.
    alice.hears(CUSTOMER).await?;
    customer.hears(ALICE).await?;
    alice.holds().await?;
    office.sees("call.held", "").await?;
    alice.retrieves().await?;
    office.sees("call.retrieved", "").await?;
    customer.hangs_up().await?;
    alice.is_free().await?;
    let end = "answered, by customer, handled A, resolved A, segments Q A";
    let course =
        "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended";
    office.told(&[(course, end)]).await
}

async fn declined() -> Result<()> {
    let office = Office::open("").await?;
    let mut alice = office.softphone_of("A", ALICE).await?;
    let mut bob = office.softphone_of("B", BOB).await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    alice.rings().await?;
    alice.hangs_up().await?;
    office.is_answered(&mut bob, "B").await?;
    bob.hangs_up().await?;
    customer.is_free().await?;
    let course = "started inbound, queued Q, offered A, offer_ended declined, offered B #2, offer_ended accepted, \
                  answered B, ended";
    office.told(&[(course, "answered, by agent, handled B, resolved B, segments Q B")]).await
}

async fn first_wins() -> Result<()> {
    let office = Office::open("").await?;
    let mut desk = office.softphone_of("A", ALICE).await?;
    let mut mobile = office.softphone_of("A", BOB).await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    desk.rings().await?;
    mobile.rings().await?;
    mobile.answers().await?;
    desk.is_free().await.context("the other phone stops ringing")?;
    office.sees("call.answered", "A").await?;
    mobile.hangs_up().await?;
    customer.is_free().await?;
    let course = "started inbound, queued Q, offered A, offer_ended accepted, answered A, ended";
    office.told(&[(course, "answered, by agent, handled A, resolved A, segments Q A")]).await
}

async fn transferred() -> Result<()> {
    let office = Office::open("").await?;
    let mut alice = office.softphone_of("A", ALICE).await?;
    let mut bob = office.softphone_of("B", BOB).await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    office.is_answered(&mut alice, "A").await?;
    customer.hears(ALICE).await?;
    alice.transfers("1002").await?;
    bob.rings().await?;
    alice.is_free().await.context("who has transferred is free")?;
    bob.answers().await?;
    office.sees("call.answered", "B").await?;
    bob.hears(CUSTOMER).await?;
    customer.logged("SSRC changed").await.context("the customer hears somebody else")?;
    customer.hangs_up().await?;
    bob.is_free().await?;
    let course = "started inbound, queued Q, offered A, offer_ended accepted, answered A, transferred blind A>B, \
                  offered B, offer_ended accepted, answered B, ended";
    office.told(&[(course, "answered, by customer, handled A B, resolved B, segments Q A B")]).await
}

async fn click_to_dial() -> Result<()> {
    let office = Office::open("").await?;
    let mut alice = office.softphone_of("A", ALICE).await?;
    let mut far = office.softphone_outside_as(OUTSIDE).await?;
    let body = json!({"agent": "alice", "to": OUTSIDE});
    let reply = office.daemon.api().request(Method::POST, "/v1/calls", Some(&body)).await?;
    ensure!(reply.status == StatusCode::ACCEPTED, "{} {}", reply.status, reply.body);
    alice.rings().await?;
    alice.answers().await?;
    office.is_answered(&mut far, "A").await?;
    far.hears_something().await?;
    alice.hears_something().await?;
    far.hangs_up().await?;
    alice.is_free().await?;
    let course = "started outbound, offered A, offer_ended accepted, answered A, ended";
    office.told(&[(course, "answered, by customer, handled A, resolved A")]).await
}

async fn by_the_api() -> Result<()> {
    let office = Office::open("").await?;
    let mut alice = office.softphone_of("A", ALICE).await?;
    let mut bob = office.softphone_of("B", BOB).await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    let answered = office.is_answered(&mut alice, "A").await?;
    let call = text(&answered, "/data/call/id").context("its id")?;
    let ask = async |verb: &str, body: Value| {
        let path = format!("/v1/calls/{call}/{verb}");
        let reply = office.daemon.api().request(Method::POST, &path, Some(&body)).await?;
        ensure!(reply.status == StatusCode::ACCEPTED, "{verb}: {} {}", reply.status, reply.body);
        anyhow::Ok(())
    };
    ask("hold", json!({"agent": "alice"})).await?;
    office.sees("call.held", "").await?;
    ask("retrieve", json!({"agent": "alice"})).await?;
    office.sees("call.retrieved", "").await?;
    ask("transfer", json!({"agent": "alice", "to": "bob"})).await?;
    bob.rings().await?;
    alice.is_free().await?;
    bob.answers().await?;
    office.sees("call.answered", "B").await?;
    bob.hangs_up().await?;
    customer.is_free().await?;
    let course = "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, \
                  transferred blind A>B, offered B, offer_ended accepted, answered B, ended";
    office.told(&[(course, "answered, by agent, handled A B, resolved B, segments Q A B")]).await
}

async fn quit() -> Result<()> {
    let office = Office::open("").await?;
    let mut bob = office.softphone_of("B", BOB).await?;
    office.softphone_of("A", ALICE).await?.quits().await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    office.is_answered(&mut bob, "B").await?;
    customer.hangs_up().await?;
    bob.is_free().await?;
    let course = "started inbound, queued Q, offered B, offer_ended accepted, answered B, ended";
    office.told(&[(course, "answered, by customer, handled B, resolved B, segments Q B")]).await
}

async fn given_up() -> Result<()> {
    let office = Office::open("").await?;
    let mut alice = office.softphone_of("A", ALICE).await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    alice.rings().await?;
    customer.hangs_up().await?;
    alice.is_free().await.context("it stops ringing")?;
    let course = "started inbound, queued Q, offered A, offer_ended caller_left, ended";
    office.told(&[(course, "abandoned, by customer, handled, resolved, segments Q")]).await
}

async fn wrong_password() -> Result<()> {
    let office = Office::open("").await?;
    let owner = Owner { user: "1001", password: Some("a guess"), voice: ALICE };
    let address = office.own.address;
    let ports = hookswitch_tests::ports::free_ports(Baresip::PORTS);
    let mut guesser = Baresip::start_at(owner, ([127, 0, 0, 1], ports).into(), ports, address).await?;
    guesser.sees("REGISTER_FAIL").await?;
    let mut customer = office.softphone_outside().await?;
    customer.dials("5003").await?;
    office.sees("call.queued", "").await?;
    customer.hangs_up().await?;
    let course = "started inbound, queued Q, ended";
    office.told(&[(course, "abandoned, by customer, handled, resolved, segments Q")]).await
}
