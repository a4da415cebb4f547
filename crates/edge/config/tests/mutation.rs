//! No text makes loading panic, and every problem lies inside the text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;

use hookswitch_config::{load_str, render};
use proptest::prelude::*;

fn sample(name: &str) -> String {
    fs::read_to_string(format!("{}/../../../config/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let problems = match load_str("mutated.toml", text) {
        Ok(config) => {
            let _ = config.setup(1);
            config.warnings
        }
        Err(problems) => {
            prop_assert!(problems.iter().any(hookswitch_config::Problem::is_error));
            problems
        }
    };
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in &problems {
        prop_assert!(!problem.hint.is_empty() && !problem.message.is_empty(), "{:?}", problem);
        let line = lines.get(problem.line - 1);
        prop_assert!(line.is_some_and(|line| problem.column <= line.chars().count() + 1), "{:?}", problem);
    }
    let _ = render(&problems);
    Ok(())
}

/// One change: cut, copy, or put something in.
fn mutated(text: &str, at: usize, length: usize, what: &str) -> String {
    let boundary =
        |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (start, end) = (boundary(at % (text.len() + 1)), boundary(at % (text.len() + 1) + length));
    format!("{}{what}{}", &text[..start], &text[end..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_changed_file_is_loaded_or_its_problems_are_told(
        file in prop::sample::select(vec!["hookswitch.toml", "examples/support.toml", "examples/sip-edge.toml", "examples/webhooks.toml"]),
        changes in prop::collection::vec((any::<usize>(), 0_usize..40, prop::sample::select(vec![
            "", "\"", "[", "]", "{", "}", "=", "\n", "[[queue]]\n", "[[pbx]]\n", "99999999999999999999", "-1", "1e9", "nan",
            "2026-12-25", "true", "é", "\u{0}", "'''", "\"\"\"", "#", "\\", ",", ".", "\r\n", "agent = 1\n", "\"0s\"", "[[a.b]]\n",
        ])), 1..6),
    ) {
        let mut text = sample(file);
        for (at, length, what) in changes {
            text = mutated(&text, at, length, what);
        }
        check(&text)?;
    }

    #[test]
    fn any_text_is_loaded_or_its_problems_are_told(text in "\\PC{0,200}|[\\[\\]{}=\"'a-z0-9.\n #,]{0,200}") {
        check(&text)?;
    }
}
