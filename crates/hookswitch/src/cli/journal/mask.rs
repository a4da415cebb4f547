//! Masking in JSON, byte by byte: what is not masked stays as it was written, order and spelling included, so that a
//! replay still compares.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Error;

/// What is masked, and with what.
#[derive(Debug)]
pub(super) struct Masks {
    /// Digits of the customer's numbers, longest first, with what stands for them.
    numbers: Vec<(String, String)>,
    /// Everything that stands for a text, so that equal texts stay equal.
    texts: BTreeMap<String, String>,
    /// Tells this erasure's masks from those of others.
    mark: u64,
}

/// Where numbers are masked; everything else is masked only in what is about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Wherever they stand.
    Everywhere,
    /// Only in what is about a call.
    InCalls,
}

impl Masks {
    /// Masks for these numbers, marked by a number that no other erasure of this journal has.
    pub(super) fn new<'a>(numbers: impl IntoIterator<Item = &'a str>, mark: u64) -> Self {
        let digits: BTreeSet<String> =
            numbers.into_iter().map(digits).filter(|digits| digits.len() >= 3).collect();
        let mut numbers: Vec<_> = digits
            .into_iter()
            .zip(0_u64..)
            .map(|(number, place)| {
                let stand_in = format!("{:0width$}", mark * 100 + place, width = number.len());
                let stand_in = stand_in[stand_in.len() - number.len()..].to_owned();
                (number, stand_in)
            })
            .collect();
        numbers.sort_by_key(|(number, _)| std::cmp::Reverse(number.len()));
        Self { numbers, texts: BTreeMap::new(), mark }
    }

    /// The same JSON with everything masked that is about one of these calls; none when nothing is. A record of which
    /// `concerned` is true is about one as a whole.
    pub(super) fn json(
        &mut self,
        json: &[u8],
        calls: &BTreeSet<String>,
        concerned: bool,
        numbers: Numbers,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut scan = Scan { json, at: 0, out: Vec::new(), copied: 0, path: Vec::new() };
        let root = Place { key: String::new(), concerned, object: false, expects_key: false };
        scan.path.push(root);
        while let Some(token) = scan.token() {
            let Token { start, end, is_key } = token;
            let text: String = serde_json::from_slice(&json[start..end])?;
            let masked = if is_key {
                let masked = (numbers == Numbers::Everywhere).then(|| self.numbers_in(&text)).flatten();
                scan.key(text);
                masked
            } else {
                scan.notice(&text, calls);
                self.value(&text, &scan, numbers)
            };
            if let Some(masked) = masked {
                scan.replace(start, end, &serde_json::to_vec(&masked)?);
            }
        }
        Ok(scan.finish())
    }

    fn value(&mut self, text: &str, scan: &Scan<'_>, numbers: Numbers) -> Option<String> {
        let concerned = scan.concerned();
        if concerned && scan.is_keys_pressed() {
            // Key by key, because a call collects them so.
            return Some("0".repeat(text.chars().count())).filter(|masked| masked != text);
        }
        if concerned && scan.is_personal() {
            return (!text.is_empty()).then(|| self.stand_in(text));
        }
        (concerned || numbers == Numbers::Everywhere).then(|| self.numbers_in(text)).flatten()
    }

    fn stand_in(&mut self, text: &str) -> String {
        let (mark, next) = (self.mark, self.texts.len() + 1);
        self.texts.entry(text.to_owned()).or_insert_with(|| format!("erased-{mark}-{next}")).clone()
    }

    /// The text with the numbers in it masked; none when there is none in it.
    fn numbers_in(&self, text: &str) -> Option<String> {
        let mut masked: Option<String> = None;
        for (number, stand_in) in &self.numbers {
            let text = masked.as_deref().unwrap_or(text);
            let mut from = 0;
            let mut replaced = String::new();
            while let Some(at) = text[from..].find(number.as_str()).map(|at| at + from) {
                let end = at + number.len();
                let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
                let bytes = text.as_bytes();
                // A part of a longer number is another number.
                let whole =
                    !is_digit(at.checked_sub(1).and_then(|at| bytes.get(at))) && !is_digit(bytes.get(end));
                replaced.push_str(&text[from..at]);
                replaced.push_str(if whole { stand_in } else { number });
                from = end;
            }
            if from > 0 {
                replaced.push_str(&text[from..]);
                masked = Some(replaced);
            }
        }
        masked.filter(|masked| masked != text)
    }
}

/// The digits of a number, as they stand.
pub(super) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// A string of the JSON, quotes included.
struct Token {
    start: usize,
    end: usize,
    is_key: bool,
}

/// One object or list on the way down to where the scan is.
struct Place {
    /// The key it stands under, then the last key seen in it.
    key: String,
    concerned: bool,
    object: bool,
    expects_key: bool,
}

/// Goes through JSON string by string, and copies what is not replaced.
struct Scan<'a> {
    json: &'a [u8],
    at: usize,
    out: Vec<u8>,
    copied: usize,
    path: Vec<Place>,
}

impl Scan<'_> {
    /// The next string. Anything may stand in the bytes: what is no JSON ends the scan or fails where it is parsed.
    fn token(&mut self) -> Option<Token> {
        while let Some(byte) = self.json.get(self.at) {
            match byte {
                b'"' => {
                    let start = self.at;
                    self.at = self.string_end(start);
                    let is_key = self.path.last().is_some_and(|place| place.object && place.expects_key);
                    return Some(Token { start, end: self.at, is_key });
                }
                b'{' | b'[' => {
                    let object = *byte == b'{';
                    let (key, concerned) = self
                        .path
                        .last()
                        .map_or((String::new(), false), |place| (place.key.clone(), place.concerned));
                    self.path.push(Place { key, concerned, object, expects_key: object });
                }
                b'}' | b']' => drop(self.path.pop()),
                b',' => {
                    if let Some(place) = self.path.last_mut() {
                        place.expects_key = place.object;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        None
    }

    /// Behind the closing quote.
    fn string_end(&self, start: usize) -> usize {
        let mut at = start + 1;
        while let Some(byte) = self.json.get(at) {
            match byte {
                b'\\' => at += 2,
                b'"' => return at + 1,
                _ => at += 1,
            }
        }
        self.json.len()
    }

    fn key(&mut self, key: String) {
        if let Some(place) = self.path.last_mut() {
            place.key = key;
            place.expects_key = false;
        }
    }

    /// An object that says the id of a call is about it from there on: `id` stands first in a call.
    fn notice(&mut self, text: &str, calls: &BTreeSet<String>) {
        if let Some(place) = self.path.last_mut()
            && place.key == "id"
            && calls.contains(text)
        {
            place.concerned = true;
        }
    }

    fn concerned(&self) -> bool {
        self.path.last().is_some_and(|place| place.concerned)
    }

    /// Keys pressed, one or several.
    fn is_keys_pressed(&self) -> bool {
        self.path.last().is_some_and(|place| matches!(&*place.key, "digit" | "digits"))
    }

    /// What a person said or is called: names, attached data, CRM records, notes, pages opened.
    fn is_personal(&self) -> bool {
        // Of a place the key is the one seen last in it: the way down to here.
        let keys: Vec<&str> = self.path.iter().skip(1).map(|place| place.key.as_str()).collect();
        let [above @ .., key] = keys.as_slice() else { return false };
        let parent = above.last().copied().unwrap_or("");
        // `data` at the top of an event is the envelope's.
        let attached = parent == "changed" || (parent == "data" && above.len() >= 2);
        let named = *key == "name" && matches!(parent, "ani" | "dnis" | "number");
        let of_crm = above.contains(&"candidates") || *key == "candidates";
        let of_crm = of_crm && *key != "why";
        attached || named || of_crm || matches!(*key, "notes" | "url")
    }

    fn replace(&mut self, start: usize, end: usize, with: &[u8]) {
        self.out.extend_from_slice(&self.json[self.copied..start]);
        self.out.extend_from_slice(with);
        self.copied = end;
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        (self.copied > 0).then(|| {
            self.out.extend_from_slice(&self.json[self.copied..]);
            self.out
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(json: &str, calls: &[&str], concerned: bool, numbers: Numbers) -> String {
        let calls = calls.iter().map(|call| (*call).to_owned()).collect();
        let mut masks = Masks::new(["+49305550001", "0305550001"], 7);
        let bytes = masks.json(json.as_bytes(), &calls, concerned, numbers).unwrap();
        bytes.map_or_else(|| "unchanged".to_owned(), |bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn numbers_are_masked_in_every_spelling_and_longer_ones_left_alone() {
        let json = r#"{"a":"+49305550001","b":"tel%3A%2B49305550001?x=0305550001","c":["030555000123"],"d":49305550001}"#;
        let expected = r#"{"a":"+00000000701","b":"tel%3A%2B00000000701?x=0000000700","c":["030555000123"],"d":49305550001}"#;
        assert_eq!(masked(json, &[], false, Numbers::Everywhere), expected);
        assert_eq!(masked(json, &[], false, Numbers::InCalls), "unchanged");
        assert_eq!(masked(json, &[], true, Numbers::InCalls), expected);
    }

    #[test]
    fn what_is_about_the_call_is_masked_and_its_neighbours_are_not() {
        let json = concat!(
            r#"{"calls":[{"id":"A","ani":{"raw":"0305550001","name":"Ann \"B\""},"data":{"k":"v","w":"v"},"queue":"v"},"#,
            r#"{"id":"B","ani":{"raw":"0305550001","name":"Bob"},"data":{"k":"v"}}],"after":"0305550001"}"#
        );
        let expected = concat!(
            r#"{"calls":[{"id":"A","ani":{"raw":"0000000700","name":"erased-7-1"},"data":{"k":"erased-7-2","w":"erased-7-2"},"queue":"v"},"#,
            r#"{"id":"B","ani":{"raw":"0305550001","name":"Bob"},"data":{"k":"v"}}],"after":"0305550001"}"#
        );
        assert_eq!(masked(json, &["A"], false, Numbers::InCalls), expected);
        assert_eq!(masked(json, &["C"], false, Numbers::InCalls), "unchanged");
    }

    #[test]
    fn of_an_event_the_envelope_stays_and_the_person_goes() {
        let json = concat!(
            r#"{"id":"E","data":{"call":{"id":"A","state":"ended","customer":{"match":"one","candidates":"#,
            r#"[{"id":"42","name":"Ann","score":1.0,"why":"exact","fields":{"tier":"gold"}}]},"data":{"k":"v"}},"#,
            r#""by":"crm","changed":{"k":"v"},"pop":{"url":"https://crm/?q=x"},"notes":"free"}}"#
        );
        let expected = concat!(
            r#"{"id":"E","data":{"call":{"id":"A","state":"ended","customer":{"match":"one","candidates":"#,
            r#"[{"id":"erased-7-1","name":"erased-7-2","score":1.0,"why":"exact","fields":{"tier":"erased-7-3"}}]},"data":{"k":"erased-7-4"}},"#,
            r#""by":"crm","changed":{"k":"erased-7-4"},"pop":{"url":"erased-7-5"},"notes":"erased-7-6"}}"#
        );
        assert_eq!(masked(json, &[], true, Numbers::InCalls), expected);
    }

    #[test]
    fn broken_json_is_an_error_or_unchanged_and_never_a_panic() {
        for json in ["", "\"", "{\"a", "{\"a\\", "]]}}", "{\"a\":\"\\x\"}", "nul"] {
            let mut masks = Masks::new(["+49305550001"], 7);
            let _ = masks.json(json.as_bytes(), &BTreeSet::new(), true, Numbers::Everywhere);
        }
    }
}
