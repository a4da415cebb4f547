//! The lab itself: real Asterisk 22 and 16, and the scripted phones, do what the stories take for granted.

use anyhow::{Context as _, Result};
use hookswitch_tests::act::Act;
use hookswitch_tests::ami::Ami;
use hookswitch_tests::asterisk::{Asterisk, Options, Version, skipped};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::phone::{Call, CallState, Ending, Phone};
use hookswitch_tests::world::Telephones;

/// A PBX, its carrier, and the phones of a test.
struct Lab {
    asterisk: Asterisk,
    ami: Ami,
    trunk: Phone,
}

impl Lab {
    async fn start(version: Version) -> Result<Self> {
        let asterisk = Asterisk::start(version, Options::default()).await?;
        let trunk = Phone::unregistered("carrier", asterisk.trunk(), asterisk.sip()).await?;
        let ami = asterisk.lab_ami().await?;
        Ok(Self { asterisk, ami, trunk })
    }

    async fn phone(&self, number: &str) -> Result<Phone> {
        Phone::registered(number, self.asterisk.sip()).await
    }

    async fn caller_dials(&self, number: &str) -> Result<Call> {
        let pai = [("P-Asserted-Identity", "\"ACME GmbH\" <sip:+49305550001@carrier>")];
        self.trunk.call_as(number, "sip:+49305550001@127.0.0.2", &pai).await
    }

    /// The caller talks with 1001: the phones are up, and the PBX has joined them (16 refuses a REFER before that).
    async fn talk(&self, alice: &Phone) -> Result<(Call, Call)> {
        let caller = self.caller_dials("5001").await?;
        let at_alice = alice.next_call().await?;
        assert_eq!(at_alice.shown_number(), "+49305550001");
        at_alice.answer().await?;
        caller.wait_up().await?;
        self.ami.wait_event("BridgeEnter", &[("BridgeNumChannels", "2")]).await?;
        Ok((caller, at_alice))
    }
}

/// Runs a test on both versions, unless real PBXs are left out by choice.
macro_rules! on_both_versions {
    ($($name:ident)*) => { $(
        mod $name {
            #[tokio::test]
            async fn on_asterisk_22() -> anyhow::Result<()> {
                if super::skipped() { return Ok(()) }
                super::$name(super::Lab::start(super::Version::V22).await?).await
            }

            #[tokio::test]
            async fn on_asterisk_16() -> anyhow::Result<()> {
                if super::skipped() { return Ok(()) }
                super::$name(super::Lab::start(super::Version::V16).await?).await
            }
        }
    )* };
}

on_both_versions! {
    caller_talks_with_a_phone_that_holds_and_hangs_up
    refusals_reach_the_caller
    blind_transfer_moves_the_caller
    attended_transfer_joins_caller_and_target
    feature_codes_are_heard_in_the_media
    cast_of_the_stories_does_what_it_is_told
    pbx_that_is_killed_comes_back_on_the_same_ports
}

async fn caller_talks_with_a_phone_that_holds_and_hangs_up(lab: Lab) -> Result<()> {
    let alice = lab.phone("1001").await?;
    let (caller, at_alice) = lab.talk(&alice).await?;
    at_alice.hold().await?;
    at_alice.retrieve().await?;
    assert_eq!(caller.state(), CallState::Up);
    at_alice.hang_up().await?;
    assert_eq!(caller.wait_ended().await?, Ending::There(Some(16)));
    Ok(())
}

async fn refusals_reach_the_caller(lab: Lab) -> Result<()> {
    for (number, status) in [("5009", 486), ("5010", 503), ("5001", 480)] {
        let caller = lab.caller_dials(number).await?;
        let ending = caller.wait_ended().await?;
        assert!(matches!(ending, Ending::Refused(_)), "{number}: {ending:?}");
        if number != "5001" {
            assert_eq!(ending, Ending::Refused(status));
        }
    }
    let alice = lab.phone("1001").await?;
    let caller = lab.caller_dials("5001").await?;
    alice.next_call().await?.reject(486).await?;
    assert_eq!(caller.wait_ended().await?, Ending::Refused(486));
    Ok(())
}

async fn blind_transfer_moves_the_caller(lab: Lab) -> Result<()> {
    let (alice, bob) = (lab.phone("1001").await?, lab.phone("1002").await?);
    let (caller, at_alice) = lab.talk(&alice).await?;
    at_alice.refer("1002").await?;
    let at_bob = bob.next_call().await?;
    assert_eq!(at_bob.shown_number(), "+49305550001");
    at_bob.answer().await?;
    assert_eq!(at_alice.wait_referred().await?, 200);
    at_alice.wait_ended().await?;
    caller.hang_up().await?;
    at_bob.wait_ended().await?;
    Ok(())
}

async fn attended_transfer_joins_caller_and_target(lab: Lab) -> Result<()> {
    let (alice, bob) = (lab.phone("1001").await?, lab.phone("1002").await?);
    let (caller, at_alice) = lab.talk(&alice).await?;
    at_alice.hold().await?;
    let consultation = alice.call("1002").await?;
    let at_bob = bob.next_call().await?;
    at_bob.answer().await?;
    consultation.wait_up().await?;
    at_alice.refer_to(&consultation).await?;
    assert_eq!(at_alice.wait_referred().await?, 200);
    consultation.wait_ended().await?;
    at_alice.wait_ended().await?;
    assert_eq!((caller.state(), at_bob.state()), (CallState::Up, CallState::Up));
    at_bob.hang_up().await?;
    caller.wait_ended().await?;
    Ok(())
}

async fn feature_codes_are_heard_in_the_media(lab: Lab) -> Result<()> {
    let (alice, bob) = (lab.phone("1001").await?, lab.phone("1002").await?);
    let (caller, at_alice) = lab.talk(&alice).await?;
    at_alice.press("##").await?;
    // Asterisk says when it listens for the number.
    lab.ami.wait_event("DTMFEnd", &[("Digit", "#"), ("Direction", "Received")]).await?;
    at_alice.press("1002").await?;
    let at_bob = bob.next_call().await?;
    at_bob.answer().await?;
    at_alice.wait_ended().await?;
    caller.hang_up().await?;
    at_bob.wait_ended().await?;
    Ok(())
}

async fn cast_of_the_stories_does_what_it_is_told(lab: Lab) -> Result<()> {
    // The lab's own trunk is where the cast's wants to be.
    let (pbx, trunk) = (lab.asterisk.sip(), lab.asterisk.trunk());
    drop(lab.trunk);
    let mut people = Telephones::connect(pbx, trunk, Mode::Observe).await?;
    let scripts = [
        "C dials Q; A rings; A declines; B rings; C hangs up; B stops ringing",
        "C dials A withheld; A rings; A declines 603; C is refused",
        "C dials E diverted-by 0800111222; E1 rings; E2 answers; E1 stops ringing; E2 hangs up; C is cut off",
        "A unregisters; C dials A; C is refused; A registers",
        "C dials nowhere; C is refused",
        "A dials F; F rings; F answers; F hangs up; A is cut off",
        "A dials F; F rings; F declines; A is refused",
        "C dials A; A rings; B dials *71001; A stops ringing; C hangs up; B is cut off",
        "C dials voicemail; A rings; A stops ringing; C hangs up",
        "C dials ivr; C presses 7; A rings; A answers; A and C hang up at once",
        "C dials A; A rings; A answers as C hangs up",
    ];
    for script in scripts {
        for sentence in script.split("; ") {
            let done = people.perform(&sentence.parse::<Act>()?).await;
            done.with_context(|| format!("`{sentence}` in `{script}`\n{}", people.diary()))?;
        }
        people.hang_up_all().await;
    }
    Ok(())
}

async fn pbx_that_is_killed_comes_back_on_the_same_ports(mut lab: Lab) -> Result<()> {
    let pid = lab.asterisk.pid();
    lab.asterisk.restart().await?;
    assert_ne!(lab.asterisk.pid(), pid);
    lab.asterisk.set_dialplan("[hookswitch]\nexten => 5003,1,Hangup(17)\n").await?;
    let caller = lab.caller_dials("5003").await?;
    assert_eq!(caller.wait_ended().await?, Ending::Refused(486));
    Ok(())
}
