//! A real Kamailio between everybody: what the stories played behind it leave out.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use hookswitch_tests::cast::SIP_PASSWORD;
use hookswitch_tests::events::kind;
use hookswitch_tests::kamailio::{Kamailio, Ways};
use hookswitch_tests::phone::Phone;
use hookswitch_tests::ports::{free_port, free_ports};
use libtest_mimic::Trial;

use crate::baresip::{Baresip, Owner};
use crate::block_on;
use crate::office::Office;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("proxy::softphones_behind_a_proxy_hold_and_transfer", || block_on(softphones())),
        Trial::test(
            "proxy::a_call_that_is_refused_with_503_goes_to_the_next_server",
            || block_on(failover()),
        ),
    ]
}

async fn behind(office: &Office) -> Result<(Kamailio, Ways)> {
    let at = |last: u8| SocketAddr::from(([127, 0, 0, last], free_port()));
    let own = office.own;
    let ways =
        Ways { trunk: own.trunk, phones: at(1), hookswitch: own.address, fallback: at(3), carrier: at(3) };
    Ok((Kamailio::start(&ways).await?, ways))
}

async fn softphones() -> Result<()> {
    let office = Office::open("").await?;
    let (_kamailio, ways) = behind(&office).await?;
    let phone = |user, voice| Owner { user, password: Some(SIP_PASSWORD), voice };
    let mut alice = Baresip::start(phone("1001", 440), [127, 0, 0, 1], ways.phones).await?;
    let mut bob = Baresip::start(phone("1002", 660), [127, 0, 0, 1], ways.phones).await?;
    let owner = Owner { user: "+49305550001", password: None, voice: 880 };
    let ports = free_ports(Baresip::PORTS);
    let mut customer = Baresip::start_at(owner, ways.carrier, ports, ways.trunk).await?;
    customer.dials("5003").await?;
    office.is_answered(&mut alice, "A").await?;
    customer.hears(440).await?;
    alice.holds().await?;
    office.see("call.held", |event| kind(event) == "call.held").await?;
    alice.retrieves().await?;
    office.see("call.retrieved", |event| kind(event) == "call.retrieved").await?;
    alice.transfers("1002").await?;
    office.is_answered(&mut bob, "B").await?;
    alice.is_free().await?;
    bob.hears(880).await?;
    customer.hangs_up().await?;
    bob.is_free().await?;
    let course = "started inbound, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, \
                  transferred blind A>B, offered B, offer_ended accepted, answered B, ended";
    office.told(&[(course, "answered, by customer, handled A B, resolved B, segments Q A B")]).await
}

async fn failover() -> Result<()> {
    let office = Office::open("").await?;
    let limited = office.configuration.replace("name = \"carrier\",", "name = \"carrier\", max_calls = 1,");
    office.daemon.write(&limited)?;
    office.daemon.signal("HUP").await?;
    let another = |line: &str| line.contains("another configuration is in force");
    office.daemon.logged("another configuration", another).await?;
    let (_kamailio, ways) = behind(&office).await?;
    let next = Phone::unregistered("next", ways.fallback, ways.trunk).await?;
    let trunk = Phone::unregistered("trunk", ways.carrier, ways.trunk).await?;
    let first = trunk.call("5003").await?;
    office.see("call.queued", |event| kind(event) == "call.queued").await?;
    let second = trunk.call("5003").await?;
    let taken = next.next_call().await?;
    taken.answer().await?;
    second.wait_up().await?;
    second.hang_up().await?;
    taken.wait_ended().await?;
    first.hang_up().await?;
    office
        .told(&[(
            "started inbound, queued Q, ended",
            "abandoned, by customer, handled, resolved, segments Q",
        )])
        .await?;
    ensure!(next.waiting_call().await.is_none(), "the first call went there, too");
    Ok(())
}
