//! Numbers as they come from trunks, CRMs and people, read per country: `fixtures/ugly_numbers.txt`.

#![expect(clippy::panic, reason = "a line that is wrong is told with its number")]

use hookswitch_normalize::number::Plan;

const CORPUS: &str = include_str!("fixtures/ugly_numbers.txt");

/// The lines that say something: country, what came, what it is; with their number.
fn lines() -> impl Iterator<Item = (usize, [&'static str; 3])> {
    let numbered = (1..).zip(CORPUS.lines());
    numbered.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with("# ")).map(|(number, line)| {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let fields =
            <[&str; 3]>::try_from(fields).unwrap_or_else(|_| panic!("line {number} has not three fields"));
        (number, fields)
    })
}

/// `\u{ff10}` in the file stands for that character: so the file shows what is no ASCII.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').expect("an escape ends with }");
        out.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a character"));
        out.push_str(rest);
    }
    out
}

#[test]
fn every_ugly_number_is_read_as_its_country_means_it() {
    let mut wrong = Vec::new();
    for (line, [country, raw, expected]) in lines() {
        let raw = unescaped(raw);
        let read = Plan::new(country).e164(&raw);
        if read.as_deref() != Some(expected).filter(|expected| *expected != "-") {
            wrong.push(format!("line {line}: {country} {raw:?} is {expected}, not {read:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_is_as_wide_as_it_says() {
    let countries: std::collections::BTreeSet<&str> = lines().map(|(_, [country, ..])| country).collect();
    assert!(
        countries.len() >= 15 && lines().count() >= 200,
        "{} countries, {} numbers",
        countries.len(),
        lines().count()
    );
}

/// What was read once is read the same by everybody: with a plus sign a number belongs to no country.
#[test]
fn what_is_in_e164_is_the_same_in_every_country() {
    for (line, [_, _, expected]) in lines().filter(|(_, [.., expected])| *expected != "-") {
        for country in ["DE", "US", "JP", ""] {
            assert_eq!(
                Plan::new(country).e164(expected).as_deref(),
                Some(expected),
                "line {line} in {country:?}"
            );
        }
    }
}
