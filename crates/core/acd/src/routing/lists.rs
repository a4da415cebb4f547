//! Named lists of numbers and other texts.

use std::{borrow::Cow, collections::BTreeMap};

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

/// The lists of a configuration, by name.
#[derive(Debug, Default)]
pub(super) struct Lists {
    names: Vec<String>,
    lists: Vec<List>,
}

/// A list: looking something up in it costs the same however long it is.
#[derive(Debug, Default)]
struct List {
    whole: HashSet<String, FxBuildHasher>,
    /// Entries that end with `*`, without it.
    beginnings: HashSet<String, FxBuildHasher>,
    longest: usize,
}

impl Lists {
    pub(super) fn new(setups: &BTreeMap<String, Vec<String>>) -> Self {
        let lists = setups.values().map(|entries| List::new(entries)).collect();
        Self { names: setups.keys().cloned().collect(), lists }
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|other| other.as_str().cmp(name)).ok()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether a text stands in a list, or begins as one of its entries with `*` does.
    pub(super) fn contains(&self, list: usize, text: &str) -> bool {
        self.lists.get(list).is_some_and(|list| list.contains(&comparable(text)))
    }
}

impl List {
    fn new(entries: &[String]) -> Self {
        let mut new = Self::default();
        for entry in entries {
            match entry.strip_suffix('*') {
                Some(beginning) => {
                    let beginning = comparable(beginning).into_owned();
                    new.longest = new.longest.max(beginning.len());
                    new.beginnings.insert(beginning);
                }
                None => {
                    new.whole.insert(comparable(entry).into_owned());
                }
            }
        }
        new
    }

    fn contains(&self, text: &str) -> bool {
        let ends =
            || text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= self.longest);
        !text.is_empty()
            && (self.whole.contains(text)
                || !self.beginnings.is_empty() && ends().any(|end| self.beginnings.contains(&text[..end])))
    }
}

/// A number without what people write into it, `00` as `+`; any other text as it is.
fn comparable(text: &str) -> Cow<'_, str> {
    let is_number = text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b"+ -./()".contains(&b));
    if !is_number {
        return Cow::Borrowed(text);
    }
    let plain = text.bytes().enumerate().all(|(at, b)| b.is_ascii_digit() || at == 0 && b == b'+');
    let digits: Cow<'_, str> = if plain {
        Cow::Borrowed(text)
    } else {
        text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>().into()
    };
    match digits.strip_prefix("00") {
        Some(rest) => format!("+{rest}").into(),
        None => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entries: &[&str], text: &str, expected: bool) {
        let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
        let lists = Lists::new(&BTreeMap::from([("l".to_owned(), entries)]));
        assert_eq!(lists.contains(lists.number("l").unwrap(), text), expected, "{text}");
    }

    #[test]
    fn numbers_are_compared_as_digits_and_other_texts_as_they_are() {
        check(&["+49 30 555-0001"], "+49305550001", true);
        check(&["0049 (30) 5550001"], "+49305550001", true);
        check(&["+49305550001"], "+4930555000", false);
        check(&["+49305550001"], "", false);
        check(&[""], "", false);
        check(&["gold"], "gold", true);
        check(&["gold"], "Gold", false);
        check(&["a b"], "ab", false);
    }

    #[test]
    fn an_entry_with_a_star_is_a_beginning() {
        check(&["+49 900*"], "+49900123", true);
        check(&["+49900*"], "+49900", true);
        check(&["+49900*"], "+4990", false);
        check(&["*"], "anything", false);
        check(&["ü*"], "über", true);
    }
}
