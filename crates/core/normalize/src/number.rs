//! Numbers as they come, to E.164: what two systems can compare.
//!
//! A PBX shows a number as its trunk, its dialplan and its phones left it: national, with `00`, with separators, as
//! a `tel:` URI, percent-encoded. A [`Plan`] knows the country that national numbers belong to and the extensions
//! that look like national numbers and are none.

use std::{borrow::Cow, collections::BTreeSet};

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};

/// Longest text that is looked at: E.164 has 15 digits, the rest is room for separators and URI parameters.
const MAX_TEXT: usize = 128;

/// Up to this many digits a number without country code is internal (or an emergency or service number), never a
/// subscriber number that lacks its area code.
const INTERNAL_DIGITS: usize = 6;

/// How numbers are read: country and extensions.
///
/// ```
/// use hookswitch_normalize::number::Plan;
/// let plan = Plan::new("DE").with_extensions(["3055500"]);
/// assert_eq!(plan.e164("030 / 555 0001").as_deref(), Some("+49305550001"));
/// assert_eq!(plan.e164("tel:%2B49-30-5550001").as_deref(), Some("+49305550001"));
/// assert_eq!(plan.e164("3055500"), None); // an extension of ours, though Germany might have such a number
/// assert_eq!(plan.e164("4001"), None);
/// assert_eq!(plan.e164("*21#"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    region: Option<Region>,
    extensions: BTreeSet<String>,
}

impl Plan {
    /// The plan of a country, by its two letters of ISO 3166 (`DE`). With no country known by that name only
    /// numbers that carry their country code are read.
    #[must_use]
    pub fn new(country: &str) -> Self {
        let known = |region: &Region| PHONE_NUMBER_UTIL.get_supported_regions().any(|one| one == *region);
        Self { region: Region::from_code(country).ok().filter(known), extensions: BTreeSet::new() }
    }

    /// Adds numbers that are internal whatever they look like.
    #[must_use]
    pub fn with_extensions<T: Into<String>>(mut self, extensions: impl IntoIterator<Item = T>) -> Self {
        self.extensions.extend(extensions.into_iter().map(Into::into));
        self
    }

    /// Reads a number: the first takes some ten milliseconds, in which tables are built that no call should wait
    /// for.
    pub fn warm_up(&self) {
        let _ = self.parse("+12015550100");
    }

    /// Whether the country was one.
    #[must_use]
    pub const fn has_country(&self) -> bool {
        self.region.is_some()
    }

    /// The number in E.164 with its plus sign; none when it is internal, a feature code, a name, or no number that
    /// can be told for certain.
    #[must_use]
    pub fn e164(&self, raw: &str) -> Option<String> {
        self.parse(raw).map(|number| number.format_as(PhoneNumberFormat::E164).into_owned())
    }

    /// The digits that are dialled for a number inside its own country, trunk prefix included: `+49305550001` →
    /// `0305550001`. A number that is not understood gives its digits as they are.
    #[must_use]
    pub fn national(&self, raw: &str) -> String {
        match self.parse(raw) {
            Some(number) => digits(&number.format_as(PhoneNumberFormat::National)),
            None => digits(&unwrapped(&folded(raw)).0),
        }
    }

    fn parse(&self, raw: &str) -> Option<PhoneNumber> {
        if raw.len() > MAX_TEXT {
            return None;
        }
        let folded = folded(raw);
        let (text, context) = unwrapped(&folded);
        let text = without_extension(&text);
        let dialled = text.strip_prefix('+').unwrap_or(text);
        if !dialled.chars().all(|c| c.is_ascii_digit() || is_separator(c)) {
            return None;
        }
        let digits = digits(dialled);
        if text.starts_with('+') {
            return possible(&format!("+{digits}"));
        }
        if let Some(context) = context {
            return possible(&format!("{context}{}", digits.trim_start_matches('0')));
        }
        if self.extensions.contains(&digits) {
            return None;
        }
        // In North America 00 is no international prefix, but trunks write it all over the world.
        let abroad = || digits.strip_prefix("00").and_then(|rest| possible(&format!("+{rest}")));
        if digits.len() <= INTERNAL_DIGITS {
            return None;
        }
        self.of_country(&digits).or_else(abroad)
    }

    /// A number without plus sign must be valid, not only possible: nothing else says that it is one.
    fn of_country(&self, digits: &str) -> Option<PhoneNumber> {
        PHONE_NUMBER_UTIL.parse(digits, Some(self.region?)).ok().filter(PhoneNumber::is_valid)
    }
}

/// The ASCII digits of a text, all else left out: `+49 30-555` → `4930555`.
#[must_use]
pub fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A number with its plus sign needs only a possible length: numbering plans change faster than tables of them.
fn possible(international: &str) -> Option<PhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(international, None).ok()?;
    (number.is_possible_with_reason() == Ok(NumberLengthType::IsPossible)).then_some(number)
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '.' | '/' | '(' | ')' | '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2010}'
            ..='\u{2013}'
    )
}

/// What East Asian keyboards and copied texts put in is made plain: full-width digits and signs become ASCII, marks of
/// writing direction and of no width go.
fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = |c: char| match c {
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => None,
        // The full-width forms stand in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21),
        '\u{3000}' => Some(' '),
        '\u{2212}' | '\u{30fc}' => Some('-'),
        other => Some(other),
    };
    Cow::Owned(text.chars().filter_map(plain).collect())
}

/// Without the extension that people write behind a number: `… ext. 12`, `… x12`. What is shorter than a subscriber's
/// number has none.
fn without_extension(text: &str) -> &str {
    let Some(at) = text.find(|c: char| c.is_ascii_alphabetic()) else { return text };
    let (number, rest) = text.split_at(at);
    let word = rest.trim_end_matches(|c: char| c.is_ascii_digit() || is_separator(c) || c == ':' || c == '=');
    let known = ["x", "ext", "extn", "extension"].iter().any(|known| word.eq_ignore_ascii_case(known));
    let extension = digits(rest);
    let plausible = (1..=8).contains(&extension.len()) && digits(number).len() > INTERNAL_DIGITS;
    if known && plausible { number.trim_end_matches([' ', ';', ',', '\u{a0}']) } else { text }
}

/// Takes the wrapping off: URI scheme, host, percent-encoding, parameters. Beside the number it gives the country
/// code of a `phone-context` (RFC 3966 section 5.1.5), when there is one.
fn unwrapped(raw: &str) -> (Cow<'_, str>, Option<String>) {
    let decoded = percent_decoded(raw.trim());
    let scheme = ["tel:", "sip:", "sips:", "callto:"]
        .into_iter()
        .find(|scheme| decoded.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let Some(scheme) = scheme else {
        return (decoded, None);
    };
    let mut parts = decoded[scheme.len()..].split(';');
    let number = parts.next().unwrap_or_default().split('@').next().unwrap_or_default();
    let context = parts.find_map(|part| part.strip_prefix("phone-context=").filter(|c| c.starts_with('+')));
    (Cow::Owned(number.trim_start_matches('/').trim().to_owned()), context.map(str::to_owned))
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(country: &str, corpus: &[(&str, Option<&str>)]) {
        let plan = Plan::new(country).with_extensions(["30555000", "2125551234"]);
        for (raw, expected) in corpus {
            assert_eq!(plan.e164(raw).as_deref(), *expected, "{country}: {raw:?}");
        }
    }

    #[test]
    fn ugly_numbers_of_a_german_pbx_are_read() {
        check(
            "DE",
            &[
                ("+49305550001", Some("+49305550001")),
                ("+49 (0)30 5550001", Some("+49305550001")),
                ("  +49-30-555 00 01 ", Some("+49305550001")),
                ("+49.30.5550001", Some("+49305550001")),
                ("+49\u{a0}30\u{a0}5550001", Some("+49305550001")),
                ("+49 30\u{2013}5550001", Some("+49305550001")),
                ("0049305550001", Some("+49305550001")),
                ("00 49 30 5550001", Some("+49305550001")),
                ("0305550001", Some("+49305550001")),
                ("030/5550001", Some("+49305550001")),
                ("(030) 555-0001", Some("+49305550001")),
                ("49305550001", Some("+49305550001")),
                ("305550001", Some("+49305550001")),
                ("01711234567", Some("+491711234567")),
                ("tel:+49-30-5550001", Some("+49305550001")),
                ("TEL:+49305550001", Some("+49305550001")),
                ("tel:%2B49305550001", Some("+49305550001")),
                ("%2B49%2030%205550001", Some("+49305550001")),
                ("tel:+49305550001;ext=12", Some("+49305550001")),
                ("tel:0305550001;phone-context=+49", Some("+49305550001")),
                ("tel:7042;phone-context=example.com", None),
                ("sip:+49305550001@carrier.example;user=phone", Some("+49305550001")),
                ("callto://+49305550001", Some("+49305550001")),
                ("+33155512345", Some("+33155512345")),
                ("0033155512345", Some("+33155512345")),
                ("+5511987654321", Some("+5511987654321")),
                ("+55 11 98765-4321", Some("+5511987654321")),
                ("+390612345678", Some("+390612345678")), // Italy keeps its zero
                ("+12125551234", Some("+12125551234")),   // an extension of ours only without the plus sign
            ],
        );
    }

    #[test]
    fn internal_numbers_codes_and_names_are_not_made_subscribers() {
        check(
            "DE",
            &[
                ("4001", None),
                ("1", None),
                ("110", None),
                ("555000", None),
                ("30555000", None), // an extension of ours
                ("305-550-00", None),
                ("*21#", None),
                ("*21*0305550001#", None),
                ("#31#0305550001", None),
                ("", None),
                ("   ", None),
                ("+", None),
                ("++49305550001", None),
                ("anonymous", None),
                ("<unknown>", None),
                ("Restricted", None),
                ("sip:alice@example.com", None),
                ("1-800-FLOWERS", None),
                ("0000000000", None),
                ("+49", None),
                ("+4930555000112345678", None),
                ("+999123456789", None),
                ("%", None),
                ("%2", None),
                ("%zz305550001", None),
                ("%ff%fe", None),
                ("030555000１x", None), // a full-width digit, and a letter
            ],
        );
        assert_eq!(Plan::new("DE").e164(&"0".repeat(1_000_000)), None);
    }

    #[test]
    fn north_american_numbers_are_read_with_and_without_one() {
        check(
            "US",
            &[
                ("(212) 555-1235", Some("+12125551235")),
                ("12125551235", Some("+12125551235")),
                ("1-212-555-1235", Some("+12125551235")),
                ("2125551234", None), // an extension of ours
                ("4001", None),
                ("911", None),
                ("0049305550001", Some("+49305550001")),
                ("01149305550001", Some("+49305550001")),
            ],
        );
    }

    #[test]
    fn other_countries_have_their_own_habits() {
        for (country, raw, expected) in [
            ("IT", "0612345678", "+390612345678"),
            ("AT", "01 5123456", "+4315123456"),
            ("CH", "044 668 18 00", "+41446681800"),
            ("GB", "020 7183 8750", "+442071838750"),
            ("FR", "01 55 51 23 45", "+33155512345"),
            ("BR", "(11) 98765-4321", "+5511987654321"),
            ("RU", "8 (495) 123-45-67", "+74951234567"),
            ("HU", "06 1 234 5678", "+3612345678"),
            ("AU", "0011 49 30 5550001", "+49305550001"),
            ("de", "0305550001", "+49305550001"),
        ] {
            assert_eq!(Plan::new(country).e164(raw).as_deref(), Some(expected), "{country}: {raw}");
        }
    }

    #[test]
    fn without_a_country_only_international_numbers_are_read() {
        for country in ["", "ZZ", "Germany", "4", "D€"] {
            let plan = Plan::new(country);
            assert!(!plan.has_country(), "{country}");
            assert_eq!(plan.e164("+49305550001").as_deref(), Some("+49305550001"));
            assert_eq!(plan.e164("0049305550001").as_deref(), Some("+49305550001"));
            assert_eq!(plan.e164("0305550001"), None);
        }
    }

    #[test]
    fn national_gives_what_is_dialled_at_home() {
        let plan = Plan::new("DE");
        for (raw, expected) in [
            ("+49305550001", "0305550001"),
            ("+12125551234", "2125551234"),
            ("tel:+49-30-5550001", "0305550001"),
            ("1001", "1001"),
            ("*21#", "21"),
            ("alice", ""),
        ] {
            assert_eq!(plan.national(raw), expected, "{raw}");
        }
        assert_eq!(digits("+49 (0)30-555"), "49030555");
    }

    proptest! {
        #[test]
        fn any_text_gives_an_e164_number_or_none(text in "\\PC{0,40}", country in "[A-Z]{2}") {
            if let Some(number) = Plan::new(&country).e164(&text) {
                prop_assert!(number.starts_with('+') && number.len() <= 18);
                prop_assert!(number[1..].bytes().all(|b| b.is_ascii_digit()));
            }
        }

        #[test]
        fn an_e164_number_reads_as_itself(national in "[1-9][0-9]{7,9}") {
            let plan = Plan::new("US");
            if let Some(number) = plan.e164(&format!("+49{national}")) {
                prop_assert_eq!(plan.e164(&number), Some(number.clone()));
                prop_assert_eq!(plan.e164(&format!("00{}", &number[1..])), Some(number));
            }
        }
    }
}
