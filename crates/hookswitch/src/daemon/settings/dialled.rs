//! Numbers as pages hold them, to what can be dialled: read leniently, dialled strictly.
//!
//! A page shows `+49 (0)30 555-0001`, links `tel:+49-30-5550001;ext=12` (RFC 3966), and a protocol handler hands over
//! `tel%3A%2B49305550001`. What comes out is an agent's or queue's name, an extension, or a number in E.164: letters,
//! digits and a plus sign, nothing that a PBX reads as syntax. Anything else is refused, with what would do.
//!
//! A number that is neither of the house (six digits at most, or somebody's extension) nor known in E.164 is refused:
//! a PBX might take it outside, past the list of what may be dialled. So are feature codes.

use std::collections::BTreeSet;

use hookswitch_config::Config;
use hookswitch_http::{Dialled, Undialled};
use hookswitch_model::command::Destination;
use hookswitch_normalize::number::{Plan, digits};

/// Up to this many digits a number is of the house.
const HOUSE_DIGITS: usize = 6;
/// Digits of a number with everything a PBX wants before it.
const MOST_DIGITS: usize = 20;
/// Digits of an extension that is asked for.
const MOST_EXTENSION_DIGITS: usize = 10;
/// How pages write an extension behind a number, without dots.
const EXTENSION_WORDS: [&str; 7] = ["x", "ext", "extn", "extension", "dw", "durchwahl", "poste"];

/// Reads destinations by one configuration.
#[derive(Debug)]
pub(super) struct Reader {
    plan: Plan,
    extensions: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Reader {
    pub(super) fn new(config: &Config) -> Self {
        let agents = config.agents.iter().map(|agent| &agent.setup);
        let of_devices = agents.clone().flat_map(|agent| agent.devices.iter().filter_map(|d| d.extension()));
        let own = agents.clone().filter_map(|agent| agent.extension.as_deref());
        let extensions: BTreeSet<String> = own.chain(of_devices).map(str::to_owned).collect();
        let plan = config.numbers.country.as_deref().map(Plan::new).unwrap_or_default();
        let names = agents.map(|agent| agent.id.to_string());
        let names = names.chain(config.queues.iter().map(|queue| queue.setup.id.to_string())).collect();
        Self { plan: plan.with_extensions(extensions.clone()), extensions, names }
    }

    /// Where this text leads.
    pub(super) fn read(&self, text: &str) -> Result<Dialled, Undialled> {
        let text = text.trim();
        if self.names.contains(text) || self.extensions.contains(text) {
            return Ok(house(text));
        }
        let decoded = percent_decoded(text)?;
        let plain: String = decoded.trim().chars().map(ascii).collect();
        if plain.chars().any(char::is_control) {
            return refused("there are control characters in it");
        }
        let uri = Uri::read(&plain)?;
        let (number, written) = extension_behind(uri.number)?;
        let extension = uri.extension.or(written);
        let compact = compact(number)?;
        if self.extensions.contains(&compact) {
            return Ok(Dialled { extension, ..house(&compact) });
        }
        let digits = compact.trim_start_matches('+').len();
        let e164 = match (&uri.context, compact.starts_with('+')) {
            (Some(Context::Country(code)), false) => {
                self.plan.e164(&format!("tel:{compact};phone-context={code}"))
            }
            // A number of somebody's own network (RFC 3966 section 5.1.5) is no national number.
            (Some(Context::Domain), false) => None,
            _ => self.plan.e164(&compact),
        };
        if e164.is_none() && (compact.starts_with('+') || digits > HOUSE_DIGITS) {
            return refused("no number in the world can be told from it");
        }
        // `+49 (0)30`: the zero is for those inside the country.
        let text = match &e164 {
            Some(e164) if compact.starts_with('+') => e164.clone(),
            _ => compact,
        };
        Ok(Dialled { destination: Destination { text, e164 }, extension })
    }
}

fn house(text: &str) -> Dialled {
    Dialled { destination: Destination { text: text.to_owned(), e164: None }, extension: None }
}

fn refused<T>(why: &str) -> Result<T, Undialled> {
    Err(Undialled {
        why: format!("the destination is refused: {why}"),
        hint: "an agent, a queue, an extension, or a number with its country code, as in +49301234567"
            .to_owned(),
    })
}

/// A `tel:` URI (RFC 3966), or a text that is none.
struct Uri<'a> {
    number: &'a str,
    extension: Option<String>,
    context: Option<Context<'a>>,
}

/// What a local number is local to.
enum Context<'a> {
    Country(&'a str),
    Domain,
}

impl<'a> Uri<'a> {
    fn read(text: &'a str) -> Result<Self, Undialled> {
        let starts = |scheme: &str| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
        let scheme = ["tel:", "callto:", "sip:", "sips:"].into_iter().find(|scheme| starts(scheme));
        let rest = scheme.map_or(text, |scheme| text[scheme.len()..].trim_start_matches('/'));
        let mut parts = rest.split(';');
        let number = parts.next().unwrap_or_default();
        let is_sip = scheme.is_some_and(|scheme| scheme.starts_with("sip"));
        let mut uri = Self { number, extension: None, context: None };
        match number.split_once('@') {
            Some((user, _)) if is_sip => uri.number = user,
            Some(_) => return refused("an address is no number"),
            None => {}
        }
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "ext" => uri.extension = Some(extension(value)?),
                "phone-context" if value.starts_with('+') => uri.context = Some(Context::Country(value)),
                "phone-context" => uri.context = Some(Context::Domain),
                // Of an ISDN subaddress, of carriers, of SIP: nothing that is dialled. A number here is a second one.
                _ if scheme.is_some() => {}
                _ => return refused("there is something behind the number"),
            }
        }
        Ok(uri)
    }
}

/// Digits of an extension, separators left out.
fn extension(text: &str) -> Result<String, Undialled> {
    let digits = digits(text);
    let plain = text.chars().all(|c| c.is_ascii_digit() || is_separator(c));
    if !plain || digits.is_empty() || digits.len() > MOST_EXTENSION_DIGITS {
        return refused("the extension is none");
    }
    Ok(digits)
}

/// Takes an extension off the end: `x12`, `ext. 12`, `,,12` (pauses, as telephones write them).
fn extension_behind(text: &str) -> Result<(&str, Option<String>), Undialled> {
    let Some(at) = text.find(|c: char| c.is_alphabetic() || c == ',') else { return Ok((text, None)) };
    let (number, behind) = text.split_at(at);
    if number.trim().is_empty() {
        return refused("no agent, queue or number is called so");
    }
    let word: String = behind.chars().take_while(|c| !c.is_ascii_digit()).collect();
    let is_word = |word: &str| EXTENSION_WORDS.contains(&word);
    let plain: String = word.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let around = word.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '.' | ':' | ','));
    if !around || !(plain.is_empty() || is_word(&plain)) {
        return refused("there are letters in the number");
    }
    Ok((number, Some(extension(&behind[word.len()..])?)))
}

/// The digits, with the plus sign before them.
fn compact(number: &str) -> Result<String, Undialled> {
    let mut compact = String::with_capacity(number.len());
    for c in number.chars() {
        match c {
            '0'..='9' => compact.push(c),
            '+' if compact.is_empty() => compact.push(c),
            '+' => return refused("there are two numbers in it"),
            '*' | '#' => return refused("a feature code is no destination"),
            c if is_separator(c) => {}
            _ => return refused("there are characters in it that no number has"),
        }
    }
    match compact.trim_start_matches('+').len() {
        0 => refused("there is no digit in it"),
        1..=MOST_DIGITS => Ok(compact),
        _ => refused("there are too many digits in it"),
    }
}

/// Visual separators of RFC 3966, and those that pages use.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '.' | '(' | ')' | '/' | '[' | ']' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2010}'
            ..='\u{2015}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// The digits and the plus sign of other scripts, as those of ours.
fn ascii(c: char) -> char {
    let zero = match c {
        '\u{ff0b}' => return '+',
        '\u{ff0d}' => return '-',
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        _ => return c,
    };
    char::from_digit(u32::from(c) - zero, 10).unwrap_or(c)
}

/// Percent-encoding taken off, once: a protocol handler hands over the whole URI in it.
fn percent_decoded(text: &str) -> Result<String, Undialled> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => decoded.push(u8::try_from(high << 4 | low).unwrap_or_default()),
            _ => return refused("its percent-encoding is broken"),
        }
    }
    String::from_utf8(decoded).or_else(|_| refused("it is no text"))
}

#[cfg(test)]
mod tests;
