//! Wrong configurations: each problem is told with its line, its key and a hint that helps, and nothing else is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use hookswitch_config::{Severity, load_str};

/// What a case does not define itself.
const BASE: [(&str, &str); 4] = [
    (
        "[[pbx]]",
        "[[pbx]]\nname = \"hq\"\naddress = \"127.0.0.1:5038\"\nusername = \"hookswitch\"\n\
         secret = { env = \"PATH\" }\nfallback = { dial = \"PJSIP/1008\" }\n",
    ),
    (
        "[[agent]]",
        "[[agent]]\nid = \"alice\"\ndevices = [\"PJSIP/1001\"]\nskills = { billing = 8 }\nteams = [\"tier1\"]\n",
    ),
    ("[[queue]]", "[[queue]]\nid = \"support\"\nmembers = { teams = [\"tier1\"] }\n"),
    ("[[route]]", "[[route]]\nname = \"all\"\nqueue = \"support\"\n"),
];

struct Case {
    name: String,
    text: String,
    /// `12 queue[0].strategy: part of the hint`, `warning` before it where it is one.
    expected: Vec<String>,
}

fn cases(file: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case { name: name.to_owned(), text: String::new(), expected: Vec::new() });
        } else if let Some(case) = cases.last_mut() {
            match line.strip_prefix("--- ") {
                Some(expected) => case.expected.push(expected.to_owned()),
                None => case.text += &format!("{line}\n"),
            }
        }
    }
    for case in &mut cases {
        let own = case.text.trim_end().to_owned();
        let missing = BASE.iter().filter(|(header, _)| !own.contains(header)).map(|(_, text)| *text);
        case.text = own.clone() + "\n" + &missing.collect::<Vec<_>>().join("\n");
    }
    cases
}

/// Compares all problems of all cases of a file; gives how many cases there are.
fn check(name: &str, file: &str) -> usize {
    let cases = cases(file);
    let mut failures = String::new();
    for case in &cases {
        let problems = match load_str("wrong.toml", &case.text) {
            Ok(config) => config.warnings,
            Err(problems) => problems,
        };
        let told: Vec<(String, &str)> = problems
            .iter()
            .map(|problem| {
                let warning = if problem.severity == Severity::Warning { "warning " } else { "" };
                let space = if problem.key.is_empty() { "" } else { " " };
                (format!("{warning}{}{space}{}: ", problem.line, problem.key), problem.hint.as_str())
            })
            .collect();
        let fits = |(expected, (place, hint)): (&String, &(String, &str))| {
            expected.strip_prefix(place.as_str()).is_some_and(|part| !part.is_empty() && hint.contains(part))
        };
        if case.expected.is_empty()
            || told.len() != case.expected.len()
            || !case.expected.iter().zip(&told).all(fits)
        {
            failures += &format!("\n=== {}\n", case.name);
            for (problem, (place, hint)) in problems.iter().zip(&told) {
                failures += &format!("--- {place}{hint}        [{}]\n", problem.message);
            }
        }
    }
    assert!(failures.is_empty(), "{name}: these cases told\n{failures}");
    cases.len()
}

macro_rules! files {
    ($($test:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $test() {
                check($file, include_str!($file));
            }
        )*

        #[test]
        fn the_table_is_as_long_as_it_should_be() {
            let count: usize = [$(include_str!($file)),*].into_iter().map(|file| cases(file).len()).sum();
            assert!(count >= 80, "{count} cases");
        }
    };
}

files! {
    files_that_are_not_toml_are_told_where: "syntax.txt",
    mistakes_in_server_journal_and_numbers_are_told: "server.txt",
    mistakes_in_a_pbx_are_told: "pbx.txt",
    mistakes_in_an_agent_are_told: "agent.txt",
    mistakes_in_a_queue_are_told: "queue.txt",
    mistakes_in_routes_and_calendars_are_told: "route.txt",
    mistakes_in_crm_webhooks_tokens_and_aliases_are_told: "outside.txt",
}
