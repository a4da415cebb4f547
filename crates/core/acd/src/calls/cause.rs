//! Causes of ITU-T Q.850: the standard's words, and what a cause says about a call that was never put through.

use hookswitch_model::ledger::Cause;

/// Normal call clearing.
pub(crate) const NORMAL: u16 = 16;
/// User busy.
pub(crate) const BUSY: u16 = 17;
/// Call rejected.
pub(crate) const REJECTED: u16 = 21;
/// Temporary failure: what a restart of the PBX does to its calls.
pub(crate) const TEMPORARY_FAILURE: u16 = 41;

/// The words of Q.850, table 1, for the values a PBX gives.
pub(crate) const fn text(q850: u16) -> &'static str {
    match q850 {
        1 => "Unallocated (unassigned) number",
        2 => "No route to specified transit network",
        3 => "No route to destination",
        16 => "Normal call clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "No answer from user (user alerted)",
        20 => "Subscriber absent",
        21 => "Call rejected",
        22 => "Number changed",
        26 => "Non-selected user clearing",
        27 => "Destination out of order",
        28 => "Invalid number format (address incomplete)",
        29 => "Facility rejected",
        31 => "Normal, unspecified",
        34 => "No circuit/channel available",
        38 => "Network out of order",
        41 => "Temporary failure",
        42 => "Switching equipment congestion",
        44 => "Requested circuit/channel not available",
        47 => "Resource unavailable, unspecified",
        50 => "Requested facility not subscribed",
        55 => "Incoming calls barred within CUG",
        57 => "Bearer capability not authorized",
        58 => "Bearer capability not presently available",
        65 => "Bearer capability not implemented",
        79 => "Service or option not implemented, unspecified",
        88 => "Incompatible destination",
        102 => "Recovery on timer expiry",
        111 => "Protocol error, unspecified",
        127 => "Interworking, unspecified",
        _ => "Unknown",
    }
}

/// The cause with the standard's words, where the PBX gave none.
pub(crate) fn worded(cause: Cause) -> Cause {
    if cause.text.is_empty() { Cause { text: text(cause.q850).to_owned(), ..cause } } else { cause }
}

/// Says that the number does not exist, or that the network is at fault, not the called party. 3 is not among them:
/// Asterisk gives it for a phone that is not registered.
pub(crate) const fn is_failure(q850: u16) -> bool {
    matches!(q850, 1 | 2 | 22 | 27..=29 | 34..=58 | 65..=126)
}

/// Says that the called party was not there: not registered, did not answer, absent.
pub(crate) const fn is_absence(q850: u16) -> bool {
    matches!(q850, 3 | 18..=20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_without_words_gets_those_of_the_standard_and_keeps_those_of_the_pbx() {
        assert_eq!(worded(Cause { q850: 17, text: String::new() }).text, "User busy");
        assert_eq!(worded(Cause { q850: 16, text: "Normal Clearing".into() }).text, "Normal Clearing");
    }
}
