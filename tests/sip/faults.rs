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

pub(crate) const FAULTS: &[Fault] = &[
    // In order, for comparison.
    fault(
        "nothing_is_wrong",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
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
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 900\nBYE\n< 200",
        Some("< INVITE\n180\n200\n< ACK\n200 INVITE | body: voice\n< ACK\n< BYE\n200"),
    ),
    fault(
        "an_invite_that_is_repeated_is_one_call",
        &["answered"],
        "INVITE\nINVITE again\nINVITE again\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE\n< 200",
        Some(ANSWERS),
    ),
    // Wrong numbers and tags.
    fault(
        "a_bye_with_a_number_of_the_past_is_refused_and_a_right_one_ends",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE | CSeq: 0 BYE\n< 500\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "a_bye_without_the_tag_belongs_to_no_call",
        &["answered"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 300\nBYE | To: <sip:[service]@[remote_ip]>\n< 481\nBYE\n< 200",
        Some(ANSWERS),
    ),
    fault(
        "an_invite_without_a_tag_is_refused",
        &[],
        "INVITE | From: <sip:+49305550001@[local_ip]>\n< 400",
        None,
    ),
    fault("an_invite_whose_number_names_another_method_is_refused", &[], "INVITE | CSeq: 1 BYE\n< 400", None),
    fault("an_invite_without_a_call_id_is_refused", &[], "INVITE | -Call-ID | X-Was: [call_id]\n< 400", None),
    // Races.
    fault(
        "a_caller_who_gives_up_is_let_go_everywhere",
        &["abandoned"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\npause 600\nCANCEL\n< 182?\n< 180?\n< 200\n< 487\nACK | refused",
        Some("< INVITE\n180\n< CANCEL\n200\n487 INVITE\n< ACK"),
    ),
    fault(
        "an_answer_that_crosses_the_cancel_is_acknowledged_and_ended",
        &["abandoned"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\npause 600\nCANCEL\n< 182?\n< 180?\n< 200\n< 487\nACK | refused",
        Some(
            "< INVITE\n180\n< CANCEL\n200 INVITE | body: voice\n200 | CSeq: [$cseq] CANCEL\n< ACK\n< BYE\n200",
        ),
    ),
    fault(
        "a_cancel_that_is_not_answered_ends_the_call_all_the_same",
        &["abandoned"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\npause 600\nCANCEL\n< 182?\n< 180?\n< 200\n< 487\nACK | refused",
        Some("< INVITE\n180\n< CANCEL"),
    ),
    fault("a_cancel_of_nothing_is_told_so", &[], "CANCEL\n< 481", None),
    // Phones that do not take the call.
    fault(
        "a_redirection_by_the_phone_is_a_decline",
        &["abandoned"],
        "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\npause 1500\nCANCEL\n< 182?\n< 180?\n< 200\n< 487\nACK | refused",
        Some("< INVITE\n302 | Contact: <sip:other@127.0.0.1:9>\n< ACK"),
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
