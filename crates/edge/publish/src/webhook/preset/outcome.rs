//! How a call came to its end, in one word: what the tables of words of presets begin from.

use serde_json::Value;

/// Every word, for the check of tables. A table may leave some out and say `else`.
pub(super) const OUTCOMES: [&str; 11] = [
    "answered",
    "caller_left",
    "cancelled",
    "busy",
    "rejected",
    "no_answer",
    "unallocated",
    "congestion",
    "failed",
    "merged",
    "lost",
];

/// From the ledger and ITU-T Q.850; empty before the end.
///
/// `caller_left`: an inbound caller who gave up. `cancelled`: an outbound call our side gave up on. `no_answer`: the far
/// end, or an agent, did not pick up and somebody else ended it.
pub(super) fn outcome(call: &Value, ledger: &Value) -> &'static str {
    let by = |who: &str| ledger["ended_by"] == who;
    let is_out = call["direction"] == "outbound";
    let q850 = ledger["cause"]["q850"].as_u64().unwrap_or_default();
    match ledger["disposition"].as_str().unwrap_or_default() {
        "answered" => "answered",
        "busy" => "busy",
        "rejected" => "rejected",
        "merged" => "merged",
        "lost" => "lost",
        // Who is called back has left, too: the call-back is a call of its own.
        "abandoned" | "callback" => "caller_left",
        // The customer of an outbound call is the far end: our side gives up, or nobody picks up there.
        "missed" if is_out && by("agent") => "cancelled",
        "missed" if is_out => "no_answer",
        "missed" if by("customer") => "caller_left",
        "missed" => "no_answer",
        "failed" => match q850 {
            // Unallocated number, no route to the network or the destination, number changed, invalid format.
            1..=3 | 22 | 28 => "unallocated",
            17 => "busy",
            18 | 19 => "no_answer",
            21 => "rejected",
            // Resources: no circuit, out of order, temporary failure, congestion.
            34 | 38 | 41 | 42 | 44 | 47 => "congestion",
            _ => "failed",
        },
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_end_has_a_word_and_every_word_an_end() {
        let mut seen = std::collections::BTreeSet::new();
        let dispositions =
            ["answered", "abandoned", "missed", "busy", "rejected", "failed", "merged", "lost", "callback"];
        for disposition in dispositions {
            for direction in ["inbound", "outbound"] {
                for by in ["customer", "agent", "system"] {
                    for q850 in 0..=127 {
                        let ledger =
                            json!({"disposition": disposition, "ended_by": by, "cause": {"q850": q850}});
                        let word = outcome(&json!({"direction": direction}), &ledger);
                        assert!(OUTCOMES.contains(&word), "{word:?} of {disposition} {q850}");
                        seen.insert(word);
                    }
                }
            }
        }
        assert_eq!(seen.len(), OUTCOMES.len(), "{seen:?}");
        assert_eq!(outcome(&json!({}), &Value::Null), "");
    }

    #[test]
    fn q850_tells_why_a_call_failed() {
        for (q850, word) in
            [(1, "unallocated"), (19, "no_answer"), (34, "congestion"), (16, "failed"), (0, "failed")]
        {
            let ledger = json!({"disposition": "failed", "ended_by": "system", "cause": {"q850": q850}});
            assert_eq!(outcome(&json!({"direction": "outbound"}), &ledger), word, "{q850}");
        }
    }
}
