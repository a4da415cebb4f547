//! What goes wrong on the way, or at the other end: calls end once, agents are free again.

use anyhow::{Context as _, Result, ensure};

use crate::office::Office;

/// What both sides say and hear, and how the call ends.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What the customer does; the number dialled is that of the queue.
    caller: &'static str,
    /// What alice's phone does; none: she has none.
    phone: Option<&'static str>,
    /// Dispositions of the calls, in order; empty: there was none.
    ends: &'static [&'static str],
}

const fn fault(
    name: &'static str,
    ends: &'static [&'static str],
    caller: &'static str,
    phone: Option<&'static str>,
) -> Fault {
    Fault { name, caller, phone, ends }
}

/// Rings, answers, and is hung up on.
const ANSWERS: &str = "< INVITE\n180\npause 100\n200\n< ACK\n< BYE\n200";

/// Waits in the queue and gives up.
const WAITS: &str = "INVITE\n< 100?\n< 182\npause 700\nCANCEL\n< 182?\n< 180?\n< 200\n< 487\nACK | refused";
/// Waits longer than a phone is rung, and gives up.
const WAITS_LONG: &str =
    "INVITE\n< 100?\n< 182\npause 4000\nCANCEL\n< 182?\n< 180?\n< 200\n< 487\nACK | refused";
/// Is connected, and hangs up.
const TALKS: &str = "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE\n< 200";

/// Is connected: what follows is said in a call.
macro_rules! in_a_call {
    ($then:literal) => {
        concat!("INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\n", $then)
    };
}

/// Where a request goes that belongs to the call and comes before its answer.
macro_rules! early {
    ($request:literal) => {
        concat!($request, " | To: <sip:[service]@[remote_ip]>[peer_tag_param]")
    };
}

pub(crate) const FAULTS: &[Fault] = &[
    // In order, for comparison.
    fault("nothing_is_wrong", &["answered"], TALKS, Some(ANSWERS)),
    // Lost and repeated.
    fault(
        "an_answer_whose_ack_is_lost_is_repeated",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\n< 200\nACK\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_phone_that_repeats_its_answer_is_acknowledged_again",
        &["answered"],
        TALKS,
        Some("< INVITE\n180\n200\n< ACK\n200 INVITE | body: voice\n< ACK\n< BYE\n200"),
    ),
    fault(
        "an_invite_that_is_repeated_is_one_call",
        &["answered"],
        "INVITE\nINVITE again\nINVITE again\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_bye_that_is_repeated_is_answered_again",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE\n< 200\nBYE again\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_phone_that_rings_twice_rings_once",
        &["answered"],
        TALKS,
        Some("< INVITE\n180\n180\n183 | body: voice\n180\npause 100\n200\n< ACK\n< BYE\n200"),
    ),
    fault(
        "who_never_acknowledges_the_answer_is_let_go",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\n< 200\n< 200\n< 200?\n< 200?\n< 200?\n< 200?\n< 200?\n< 200?\n\
         < 200?\n< 200?\n< 200?\n< 200?\n< BYE\n200",
        Some(ANSWERS),
    ),
    fault(
        "an_acknowledgement_that_is_repeated_changes_nothing",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\nACK again\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_cancel_that_is_repeated_is_answered_again",
        &["abandoned"],
        "INVITE\n< 100?\n< 182\nCANCEL\n< 182?\n< 200\n< 487\nACK | refused\nCANCEL\n< 200",
        None,
    ),
    fault(
        "a_phone_that_does_not_answer_the_bye_is_free_all_the_same",
        &["answered"],
        TALKS,
        Some("< INVITE\n180\n200\n< ACK\n< BYE"),
    ),
    fault(
        "the_answers_of_two_phones_behind_one_address_are_one_call",
        &["answered"],
        in_a_call!("pause 500\nBYE\n< 200"),
        Some(
            "< INVITE\n180\n200\n< ACK\n200 INVITE | body: voice | -To | To: <sip:1001@[local_ip]>;tag=another\n\
             < ACK\n< BYE\n200\n< BYE\n200",
        ),
    ),
    fault(
        "a_call_that_comes_by_two_ways_is_one",
        &["abandoned"],
        "INVITE\n< 100?\n< 182\nINVITE again | Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=z9hG4bKother[call_number]\n< 482\n\
         ACK | refused | Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=z9hG4bKother[call_number]\npause 300\n\
         CANCEL\n< 182?\n< 200\n< 487\nACK | refused",
        None,
    ),
    // Wrong numbers and tags.
    fault(
        "a_bye_with_a_number_of_the_past_is_refused_and_a_right_one_ends",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE | CSeq: 0 BYE\n< 500\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_bye_with_another_tag_belongs_to_no_call",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\n\
         BYE | From: <sip:+49305550001@[local_ip]>;tag=another\n< 481\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "an_offer_with_a_number_of_the_past_is_refused_and_the_call_goes_on",
        &["answered"],
        in_a_call!("INVITE | CSeq: 1 INVITE\n< 100?\n< 500\nACK | refused | CSeq: 1 ACK\nBYE\n< 200"),
        Some(ANSWERS),
    ),
    fault(
        "a_caller_without_a_tag_is_served_as_of_old",
        &["answered"],
        "INVITE | From: <sip:+49305550001@[local_ip]>\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\n\
         ACK | From: <sip:+49305550001@[local_ip]>\npause 300\nBYE | From: <sip:+49305550001@[local_ip]>\n< 200",
        Some(ANSWERS),
    ),
    fault("a_bye_of_no_call_is_told_so", &[], "BYE | To: <sip:[service]@[remote_ip]>;tag=none\n< 481", None),
    fault("a_bye_outside_a_call_is_told_so", &[], "BYE\n< 481", None),
    fault("a_cancel_of_nothing_is_told_so", &[], "CANCEL\n< 481", None),
    // Races.
    fault(
        "a_caller_who_gives_up_is_let_go_everywhere",
        &["abandoned"],
        WAITS,
        Some("< INVITE\n180\n< CANCEL\n200\n487 INVITE\n< ACK"),
    ),
    fault(
        "an_answer_that_crosses_the_cancel_is_acknowledged_and_ended",
        &["abandoned"],
        WAITS,
        Some("< INVITE\n180\n< CANCEL\n200 | body: none\n200 INVITE | body: voice\n< ACK\n< BYE\n200"),
    ),
    fault(
        "a_cancel_that_is_not_answered_ends_the_call_all_the_same",
        &["abandoned"],
        WAITS,
        Some("< INVITE\n180\n< CANCEL"),
    ),
    fault(
        "a_caller_who_gives_up_before_anything_rings_is_let_go",
        &["abandoned"],
        "INVITE\n< 100?\n< 182\nCANCEL\n< 182?\n< 200\n< 487\nACK | refused",
        None,
    ),
    fault(
        "a_cancel_after_the_answer_changes_nothing",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nCANCEL\n< 200\nACK\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_bye_before_the_answer_ends_the_call",
        &["abandoned"],
        concat!(
            "INVITE\n< 100?\n< 182\npause 300\n",
            early!("BYE"),
            "\n< 182?\n< 200\n< 487\nACK | refused | CSeq: 1 ACK"
        ),
        None,
    ),
    fault(
        "a_bye_that_crosses_the_own_offer_ends_the_call",
        &["answered"],
        in_a_call!("INVITE | body: sendonly\nBYE\n< 100?\n< 200\n< 487\nACK | refused | CSeq: 2 ACK"),
        Some("< INVITE\n180\n200\n< ACK\n< INVITE\n< BYE\n200\n487 INVITE\n< ACK"),
    ),
    fault(
        "a_bye_that_crosses_the_offer_of_the_other_ends_the_call",
        &["answered"],
        in_a_call!("INVITE | body: sendonly\n< 100?\n< 487\nACK | refused\n< BYE\n200"),
        Some("< INVITE\n180\n200\n< ACK\n< INVITE\nBYE\n< 200"),
    ),
    fault(
        "an_offer_that_crosses_one_passed_on_is_told_to_wait",
        &["answered"],
        in_a_call!("INVITE | body: sendonly\n< 100?\n< 487\nACK | refused\n< BYE\n200"),
        Some(
            "< INVITE\n180\n200\n< ACK\n< INVITE\nINVITE | body: sendonly\n< 100?\n< 491\nACK | refused\nBYE\n< 200",
        ),
    ),
    fault(
        "an_offer_that_the_other_side_has_to_put_off_is_made_again",
        &["answered"],
        in_a_call!(
            "INVITE | body: sendonly\n< 100?\n< 491\nACK | refused\npause 200\nINVITE | body: sendonly\n< 100?\n< 200\n\
             ACK\npause 200\nBYE\n< 200"
        ),
        Some(
            "< INVITE\n180\n200\n< ACK\n< INVITE\n491\n< ACK\n< INVITE\n200 | body: voice\n< ACK\n< BYE\n200",
        ),
    ),
    fault(
        "an_offer_before_the_answer_is_told_to_wait",
        &["abandoned"],
        concat!(
            "INVITE\n< 100?\n< 182\n",
            early!("UPDATE | body: voice"),
            "\n< 491\npause 300\nCANCEL | CSeq: 1 CANCEL\n< 182?\n< 200\n< 487\nACK | refused | CSeq: 1 ACK"
        ),
        None,
    ),
    fault(
        "a_message_that_the_other_side_never_answers_keeps_nobody",
        &["answered"],
        in_a_call!("INFO\npause 200\nBYE\n< 200"),
        Some("< INVITE\n180\n200\n< ACK\n< INFO\n< BYE\n200"),
    ),
    // Answers that must be acknowledged (RFC 3262).
    fault(
        "a_provisional_answer_that_is_acknowledged_is_followed_by_the_next",
        &["answered"],
        concat!(
            "INVITE | Require: 100rel\n< 100?\n< 182\n",
            early!("PRACK | RAck: 1 1 INVITE"),
            "\n< 200\n< 180\n",
            early!("PRACK | RAck: 2 1 INVITE"),
            "\n< 200\n< 200\nACK | CSeq: 1 ACK\npause 300\nBYE\n< 200"
        ),
        Some("< INVITE\n180\npause 1500\n200\n< ACK\n< BYE\n200"),
    ),
    fault(
        "a_provisional_answer_whose_acknowledgement_is_lost_is_repeated",
        &["abandoned"],
        concat!(
            "INVITE | Require: 100rel\n< 100?\n< 182\n< 182\n< 182\n",
            early!("PRACK | RAck: 1 1 INVITE"),
            "\n< 200\npause 300\nCANCEL | CSeq: 1 CANCEL\n< 200\n< 487\nACK | refused | CSeq: 1 ACK"
        ),
        None,
    ),
    fault(
        "an_acknowledgement_of_a_provisional_answer_that_was_not_given_is_refused",
        &["abandoned"],
        concat!(
            "INVITE | Require: 100rel\n< 100?\n< 182\n",
            early!("PRACK | RAck: 7 1 INVITE"),
            "\n< 481\n",
            early!("PRACK | RAck: 1 1 INVITE"),
            "\n< 182?\n< 200\nCANCEL | CSeq: 1 CANCEL\n< 200\n< 487\nACK | refused | CSeq: 1 ACK"
        ),
        None,
    ),
    // Phones that do not take the call: it goes on waiting.
    fault(
        "a_redirection_by_the_phone_is_a_decline",
        &["abandoned"],
        WAITS,
        Some("< INVITE\n302 | Contact: <sip:other@127.0.0.1:9>\n< ACK"),
    ),
    fault("a_phone_that_is_busy_is_a_decline", &["abandoned"], WAITS, Some("< INVITE\n486\n< ACK")),
    fault(
        "a_phone_that_declines_for_all_is_a_decline",
        &["abandoned"],
        WAITS,
        Some("< INVITE\n180\n603\n< ACK"),
    ),
    fault("a_phone_that_is_not_there_is_unreachable", &["abandoned"], WAITS, Some("< INVITE\n480\n< ACK")),
    fault("a_phone_that_has_trouble_is_passed_over", &["abandoned"], WAITS, Some("< INVITE\n500\n< ACK")),
    fault(
        "a_phone_that_cannot_speak_our_codecs_is_passed_over",
        &["abandoned"],
        WAITS,
        Some("< INVITE\n488\n< ACK"),
    ),
    fault(
        "a_phone_that_answers_without_a_voice_is_let_go",
        &["abandoned"],
        WAITS,
        Some("< INVITE\n180\n200 | body: none\n< ACK\n< BYE\n200"),
    ),
    fault(
        "a_phone_that_wants_a_longer_session_is_asked_again",
        &["answered"],
        TALKS,
        Some(
            "< INVITE\n422 | Min-SE: 3600\n< ACK\n< INVITE\n\
             200 | body: voice | -To | To: <sip:1001@[local_ip]>;tag=p[pid]\n< ACK\n< BYE\n200",
        ),
    ),
    fault(
        "a_phone_that_rings_for_ever_is_rung_no_longer",
        &["abandoned"],
        WAITS_LONG,
        Some("< INVITE\n180\n< CANCEL\n200\n487 INVITE\n< ACK"),
    ),
    fault("a_phone_that_says_nothing_is_given_up", &["abandoned"], WAITS_LONG, Some("< INVITE\npause 3500")),
    // Sessions.
    fault(
        "who_holds_by_an_address_of_zeros_is_answered",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nINVITE | body: zeros\n< 100?\n< 200\nACK\n\
         pause 200\nINVITE | body: back\n< 100?\n< 200\nACK\npause 200\nBYE\n< 200",
        Some(
            "< INVITE\n180\n200\n< ACK\n< INVITE\n200 | body: voice\n< ACK\n< INVITE\n200 | body: voice\n< ACK\n< BYE\n200",
        ),
    ),
    fault(
        "an_offer_in_a_call_that_is_no_description_is_refused_and_the_call_goes_on",
        &["answered"],
        in_a_call!("INVITE | body: rubbish\n< 100?\n< 488\nACK | refused\nBYE\n< 200"),
        Some(ANSWERS),
    ),
    fault(
        "a_customer_may_not_give_the_agent_away",
        &["answered"],
        in_a_call!("REFER | Refer-To: <sip:+493012345@[remote_ip]>\n< 403\nBYE\n< 200"),
        Some(ANSWERS),
    ),
    fault(
        "a_question_in_a_call_is_answered_and_changes_nothing",
        &["answered"],
        in_a_call!("OPTIONS\n< 200\nBYE\n< 200"),
        Some(ANSWERS),
    ),
    fault(
        "a_caller_who_offers_no_voice_is_offered_ours",
        &["answered"],
        "INVITE | body: none\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK | body: voice\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_description_that_is_none_is_refused",
        &[],
        "INVITE | body: rubbish\n< 100?\n< 488\nACK | refused",
        None,
    ),
    fault(
        "a_session_that_is_too_short_is_refused",
        &[],
        "INVITE | Supported: timer | Session-Expires: 30\n< 100?\n< 422\nACK | refused",
        None,
    ),
    fault(
        "a_session_with_a_timer_is_a_session",
        &["answered"],
        "INVITE | Supported: timer | Session-Expires: 90;refresher=uac\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
    // What is not understood.
    fault("a_method_that_nobody_knows_is_refused", &[], "FROBNICATE\n< 501", None),
    fault(
        "an_extension_that_is_required_and_unknown_is_refused",
        &[],
        "INVITE | Require: frobnication\n< 100?\n< 420\nACK | refused",
        None,
    ),
    fault(
        "a_call_that_went_round_and_round_is_refused",
        &[],
        "INVITE | Max-Forwards: 0\n< 100?\n< 483\nACK | refused",
        None,
    ),
    fault(
        "a_number_that_no_route_knows_is_not_found",
        &["failed"],
        "INVITE\n< 100?\n< 404\nACK | refused",
        None,
    ),
    fault("a_subscription_is_refused", &[], "SUBSCRIBE | Event: presence\n< 489", None),
    fault("a_question_whether_we_are_there_is_answered", &[], "OPTIONS\n< 200", None),
];

/// Plays both sides, and sees that one call ended as it should and nobody is busy.
pub(crate) async fn play(fault: &Fault) -> Result<()> {
    let office = Office::open("").await?;
    let phone = match fault.phone {
        Some(script) => {
            let address = office.phone_of("A").await?;
            Some(office.phone(address, script).await?)
        }
        None => None,
    };
    let number = if fault.name.starts_with("a_number_that_no_route") { "5999" } else { "5003" };
    let caller = office.caller(number, fault.caller).await?;
    let story = || format!("events:\n{}\ndaemon:\n{}", office.reader.story(), office.daemon.log());
    caller.end().await.context("the caller").with_context(story)?;
    if let Some(phone) = phone {
        phone.end().await.context("the phone").with_context(story)?;
    }
    let ends = office.ends(fault.ends.len()).await.with_context(story)?;
    ensure!(ends == fault.ends, "ended as {ends:?}, not as {:?}\n{}", fault.ends, story());
    office.is_idle().await.with_context(story)
}
