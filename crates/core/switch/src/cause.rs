//! Why things end: statuses of SIP and causes of Q.850, both ways (RFC 3398 sections 7.2.6.1 and 8.2.6.1, RFC 3326).

use hookswitch_sip::message::{Headers, Name};

use crate::event::{Cause, End, Outcome};

/// Normal call clearing.
pub(crate) const NORMAL: u16 = 16;
/// No user responding.
pub(crate) const NO_RESPONSE: u16 = 18;
/// No answer from user.
pub(crate) const NO_ANSWER: u16 = 19;
/// Subscriber absent.
pub(crate) const ABSENT: u16 = 20;
/// Recovery on timer expiry.
pub(crate) const EXPIRED: u16 = 102;

/// A cause without words.
pub(crate) const fn bare(q850: u16) -> Cause {
    Cause { q850, text: String::new() }
}

/// What a Reason header says; none when it says nothing of Q.850.
pub(crate) fn of_reason(headers: &Headers) -> Option<Cause> {
    headers.members(&Name::Reason).find_map(|reason| {
        let mut parts = reason.split(';');
        let protocol = parts.next()?.trim();
        let mut cause = None;
        let mut text = String::new();
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "cause" => cause = value.trim().parse::<u16>().ok(),
                "text" => value.trim().trim_matches('"').chars().take(128).for_each(|c| text.push(c)),
                _ => {}
            }
        }
        let q850 =
            cause.filter(|cause| protocol.eq_ignore_ascii_case("Q.850") && (1..=127).contains(cause))?;
        Some(Cause { q850, text })
    })
}

/// The cause of an answer that is no 2xx.
pub(crate) fn of_answer(status: u16, headers: &Headers) -> Cause {
    of_reason(headers).unwrap_or(bare(of_status(status)))
}

/// RFC 3398 section 8.2.6.1, table 3 read backwards.
pub(crate) const fn of_status(status: u16) -> u16 {
    match status {
        401 | 402 | 403 | 407 | 603 => 21,
        404 | 485 | 604 => 1,
        405 => 63,
        406 | 415 | 416 | 420 | 421 | 423 | 505 => 79,
        408 | 504 => 102,
        410 => 22,
        413 | 414 | 481 | 500 | 513 => 127,
        480 => NO_RESPONSE,
        482 | 483 => 25,
        484 => 28,
        486 | 600 => 17,
        487 => NORMAL,
        488 | 606 => 88,
        501 => 79,
        502 => 38,
        503 => 41,
        _ => 31,
    }
}

/// The status that refuses a call for a cause (RFC 3398 section 7.2.4.1).
pub(crate) const fn status_of(q850: u16) -> (u16, &'static str) {
    match q850 {
        1..=3 => (404, "Not Found"),
        17 => (486, "Busy Here"),
        18..=20 => (480, "Temporarily Unavailable"),
        21 => (603, "Decline"),
        22 => (410, "Gone"),
        27 => (502, "Bad Gateway"),
        28 => (484, "Address Incomplete"),
        34 | 38 | 41 | 42 | 44 | 47 => (503, "Service Unavailable"),
        65 | 70 | 79 | 88 => (488, "Not Acceptable Here"),
        102 => (504, "Server Time-out"),
        _ => (480, "Temporarily Unavailable"),
    }
}

/// How a leg ended whose INVITE was answered so.
pub(crate) const fn end_of(status: u16) -> End {
    match status {
        486 | 600 => End::Busy,
        // Where a phone sends the caller elsewhere (302), it does not take the call.
        300..=399 | 401 | 403 | 407 | 603 => End::Rejected,
        408 | 480 | 503 => End::Unreachable,
        487 => End::Cancelled,
        _ => End::Failed,
    }
}

/// What a Ring comes to by the end that says most.
pub(crate) const fn outcome(end: Option<End>) -> Outcome {
    match end {
        Some(End::NoAnswer) => Outcome::NoAnswer,
        Some(End::Busy | End::Rejected) => Outcome::Declined,
        Some(
            End::Unreachable
            | End::Failed
            | End::HungUp
            | End::Released
            | End::Cancelled
            | End::CallerLeft
            | End::Transferred,
        )
        | None => Outcome::Unreachable,
    }
}

/// Of several that were rung, the end that says most: a person's silence before a refusal, that before the network's.
pub(crate) const fn weight(end: End) -> u8 {
    match end {
        End::NoAnswer => 3,
        End::Busy | End::Rejected => 2,
        End::Unreachable | End::Failed => 1,
        End::HungUp | End::Released | End::Cancelled | End::CallerLeft | End::Transferred => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_q850_is_believed_and_any_other_is_not() {
        let said = |value: &str| {
            let mut headers = Headers::new();
            headers.push(Name::Reason, value);
            of_reason(&headers)
        };
        assert_eq!(said("Q.850;cause=17;text=\"busy\""), Some(Cause { q850: 17, text: "busy".into() }));
        assert_eq!(said("SIP;cause=200, q.850 ; cause = 16"), Some(bare(16)));
        for value in ["SIP;cause=486", "Q.850;cause=0", "Q.850;cause=999", "Q.850", ""] {
            assert_eq!(said(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_refusal_comes_back_as_the_same_cause() {
        for q850 in [1, 17, 21, 22, 28, 38, 41, 88, 102] {
            let (status, _) = status_of(q850);
            assert_eq!(status_of(of_status(status)).0, status, "{q850}");
        }
    }
}
