//! Who of those found it is: the rules by which candidates get their score and their reason.
//!
//! | why | score | when |
//! | --- | --- | --- |
//! | `exact E.164` | 1.0 | one of the record's numbers is the caller's, in E.164 |
//! | `national form` | 0.8 | it is the same number only as it is dialled at home, or the caller's has no E.164 form |
//! | `told by the CRM` | 0.6 | the CRM found it, though none of the numbers it shows is the caller's |
//! | `last agent` | 0.9 | one of several that share the number: it belongs to the agent who talked with the number last |
//! | `shared company line` | 0.5 | one of several records of one company that share the number |
//! | `shared number` | 0.5 | one of several that share the number otherwise |
//!
//! A record that shows no number at all is taken at its word: the CRM was asked for exactly this one. A score that the CRM
//! gives replaces the one of the table. Best first; equals by name, then by id.

use std::{cmp::Ordering, collections::BTreeSet};

use hookswitch_wire::{
    model::{
        AgentId,
        call::{Candidate, Customer, MatchKind, PartyNumber},
    },
    template::Numbers,
};

use crate::{answer::Record, bounds};

/// How a record's number fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Told,
    National,
    Exact,
}

impl Fit {
    const fn score(self) -> (f64, &'static str) {
        match self {
            Self::Exact => (1.0, "exact E.164"),
            Self::National => (0.8, "national form"),
            Self::Told => (0.6, "told by the CRM"),
        }
    }
}

const LAST_AGENT: (f64, &str) = (0.9, "last agent");
const COMPANY_LINE: (f64, &str) = (0.5, "shared company line");
const SHARED: (f64, &str) = (0.5, "shared number");

/// The customer that these records make. The same id twice is one record.
pub(crate) fn rank(
    records: &[Record],
    number: &PartyNumber,
    last_agent: Option<&AgentId>,
    numbers: &dyn Numbers,
) -> Customer {
    let mut seen = BTreeSet::new();
    let records: Vec<&Record> = records.iter().filter(|record| seen.insert(&record.id)).collect();
    let best = records.iter().filter_map(|record| record.score).fold(1.0, f64::max);
    let fits: Vec<Fit> = records.iter().map(|record| fit(record, number, numbers)).collect();
    let most = fits.iter().max().copied().unwrap_or(Fit::Told);
    let sharing = fits.iter().filter(|fit| **fit == most).count();
    let company = common_company(&records);
    let mut candidates: Vec<Candidate> = records
        .iter()
        .zip(fits)
        .map(|(record, fit)| {
            let (score, why) = if sharing < 2 || fit < most {
                fit.score()
            } else if last_agent.is_some_and(|agent| record.agent.as_deref() == Some(agent.as_str())) {
                LAST_AGENT
            } else if company {
                COMPANY_LINE
            } else {
                SHARED
            };
            // Above 1 a CRM counts in its own way: the best one of the answer is 1 then.
            let score = record.score.map_or(score, |own| (own / best).clamp(0.0, 1.0));
            candidate(record, score, why)
        })
        .collect();
    candidates.sort_by(better_first);
    let kind = match candidates.len() {
        0 => MatchKind::None,
        1 => MatchKind::One,
        _ => MatchKind::Many,
    };
    candidates.truncate(bounds::CANDIDATES);
    Customer { kind, candidates }
}

fn candidate(record: &Record, score: f64, why: &str) -> Candidate {
    Candidate {
        id: record.id.clone(),
        name: record.name.clone(),
        score,
        why: why.to_owned(),
        fields: record.fields.clone(),
    }
}

fn better_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id))
}

fn fit(record: &Record, number: &PartyNumber, numbers: &dyn Numbers) -> Fit {
    let Some(e164) = &number.e164 else { return Fit::National };
    if record.numbers.is_empty() {
        return Fit::Exact;
    }
    let home = digits(&numbers.national(e164));
    let one = |text: &String| match numbers.e164(text) {
        Some(other) if other == *e164 => Fit::Exact,
        Some(_) => Fit::Told,
        None if digits(text) == home || format!("+{}", digits(text)) == *e164 => Fit::National,
        None => Fit::Told,
    };
    record.numbers.iter().map(one).max().unwrap_or(Fit::Told)
}

/// Whether all of them name one company.
fn common_company(records: &[&Record]) -> bool {
    let company = |record: &&Record| record.fields.get("company").map(|name| name.trim().to_lowercase());
    let Some(Some(first)) = records.first().map(company) else { return false };
    !first.is_empty() && records.iter().all(|record| company(record).as_ref() == Some(&first))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Germany, as far as these tests go.
    #[derive(Debug)]
    struct Germany;

    impl Numbers for Germany {
        fn e164(&self, raw: &str) -> Option<String> {
            let all = digits(raw);
            if raw.starts_with('+') {
                Some(format!("+{all}"))
            } else {
                all.strip_prefix('0').map(|rest| format!("+49{rest}"))
            }
        }

        fn national(&self, raw: &str) -> String {
            raw.replace("+49", "0")
        }
    }

    fn record(id: &str, number: &str) -> Record {
        let numbers = if number.is_empty() { vec![] } else { vec![number.to_owned()] };
        Record { id: id.into(), name: Some(format!("name {id}")), numbers, ..Record::default() }
    }

    fn of_company(id: &str, company: &str) -> Record {
        let fields = [("company".to_owned(), company.to_owned())].into();
        Record { fields, ..record(id, "+49305550001") }
    }

    fn check(records: &[Record], last_agent: Option<&str>, expected: &[&str]) {
        let number = PartyNumber {
            raw: "0305550001".into(),
            e164: Some("+49305550001".into()),
            ..PartyNumber::default()
        };
        let last_agent = last_agent.map(|agent| agent.parse().unwrap());
        let customer = rank(records, &number, last_agent.as_ref(), &Germany);
        let told: Vec<_> =
            customer.candidates.iter().map(|c| format!("{} {} {}", c.id, c.score, c.why)).collect();
        assert_eq!(told, expected);
        let kind = [MatchKind::None, MatchKind::One, MatchKind::Many][expected.len().min(2)];
        assert_eq!(customer.kind, kind);
    }

    #[test]
    fn a_number_fits_exactly_at_home_or_only_by_the_crms_word() {
        check(&[], None, &[]);
        check(&[record("a", "030/555 00 01")], None, &["a 1 exact E.164"]);
        check(&[record("a", "")], None, &["a 1 exact E.164"]);
        check(&[record("a", "49305550001")], None, &["a 0.8 national form"]);
        check(&[record("a", "+33155512345")], None, &["a 0.6 told by the CRM"]);
    }

    #[test]
    fn the_exact_one_stands_before_those_the_crm_added() {
        check(
            &[record("b", "+33155512345"), record("a", "+49305550001")],
            None,
            &["a 1 exact E.164", "b 0.6 told by the CRM"],
        );
    }

    #[test]
    fn who_shares_a_number_is_told_apart_by_the_last_agent() {
        let (acme, other) = (of_company("a", "Acme"), of_company("b", "acme "));
        check(
            &[acme.clone(), other.clone()],
            None,
            &["a 0.5 shared company line", "b 0.5 shared company line"],
        );
        let other = Record { agent: Some("bob".into()), ..other };
        check(
            &[acme.clone(), other.clone()],
            Some("bob"),
            &["b 0.9 last agent", "a 0.5 shared company line"],
        );
        check(&[acme, of_company("c", "Other")], None, &["a 0.5 shared number", "c 0.5 shared number"]);
    }

    #[test]
    fn a_score_of_the_crm_counts_and_is_brought_between_0_and_1() {
        let scored = |id: &str, score: f64| Record { score: Some(score), ..record(id, "") };
        check(
            &[scored("a", 20.0), scored("b", 80.0), scored("c", -3.0)],
            None,
            &["b 1 shared number", "a 0.25 shared number", "c 0 shared number"],
        );
        check(&[scored("a", 0.3)], None, &["a 0.3 exact E.164"]);
    }

    #[test]
    fn the_same_id_twice_is_one_record() {
        check(&[record("a", ""), record("a", "")], None, &["a 1 exact E.164"]);
    }

    #[test]
    fn a_long_list_is_many_and_its_best_are_kept() {
        let records: Vec<Record> = (0..400).map(|n| record(&format!("{n:03}"), "")).collect();
        let number = PartyNumber { raw: "1".into(), e164: None, ..PartyNumber::default() };
        let customer = rank(&records, &number, None, &Germany);
        assert_eq!((customer.kind, customer.candidates.len()), (MatchKind::Many, bounds::CANDIDATES));
    }
}
