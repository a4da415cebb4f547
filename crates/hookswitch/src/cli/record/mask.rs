//! What is personal in a PBX stream, replaced so that the stream still tells the same story.
//!
//! - A number keeps its length, its plus and its beginning; of its last seven digits (fewer of a short one) others stand
//!   there, the same ones wherever that number stands and however it is written, and a number that is valid stays so.
//! - Names become `Name 1`, `Name 2`; attached data `value-1`; addresses of the network `192.0.2.1`.
//! - Ids, times, names of channels and bridges stay, and so do extensions and devices of the configuration and whatever
//!   has up to four digits.
//!
//! What stands for a number comes from a key that is thrown away with the recording.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    net::Ipv4Addr,
};

use anyhow::Context as _;
use hookswitch_normalize::number::{Plan, digits};
use sha2::{Digest as _, Sha256};

/// Up to this many digits it is an extension, a code or a count.
const SHORT: usize = 4;
/// Digits at the end of a number that are replaced.
const HIDDEN: usize = 7;
/// Tries until a stand-in is as valid as its number.
const TRIES: u32 = 500;

/// Headers whose value is an id or a time, by the end of their name.
const IDS: [&str; 14] = [
    "uniqueid",
    "linkedid",
    "timestamp",
    "actionid",
    "privilege",
    "logintime",
    "lastcall",
    "lastpause",
    "uptime",
    "duration",
    "lastreload",
    "eventtv",
    "sessionid",
    "id",
];
/// Headers whose value is a person's name, by the end of their name.
const NAMES: [&str; 4] = ["calleridname", "connectedlinename", "membername", "fullname"];
/// Variables of Hookswitch's own, which hold ids.
const OWN: [&str; 4] = ["HS_CALL", "HS_OFFER", "HS_CONSULT", "HS_STATE"];
/// Headers that every UserEvent has; what else stands there is the dialplan's.
const OF_CHANNELS: [&str; 12] = [
    "event",
    "privilege",
    "timestamp",
    "channel",
    "calleridn",
    "connectedlinen",
    "language",
    "context",
    "exten",
    "priority",
    "userevent",
    "actionid",
];
/// Headers of Hookswitch's own user events that are no data.
const OF_HOOKSWITCH: [&str; 6] = ["Dnis", "Offer", "Status", "Cause", "Do", "Again"];

/// Everything that stands for something, so that equal things stay equal.
#[derive(Debug)]
pub(super) struct Masks {
    key: [u8; 32],
    plan: Plan,
    kept: BTreeSet<String>,
    endings: BTreeMap<String, String>,
    used: BTreeSet<String>,
    names: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
    addresses: BTreeMap<Ipv4Addr, String>,
}

impl Masks {
    /// Masks with a key of their own. `kept` is what stays: extensions and devices.
    pub(super) fn new(plan: Plan, kept: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        fs::File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(&mut key))
            .context("no randomness from /dev/urandom")?;
        Ok(Self::with_key(key, plan, kept))
    }

    fn with_key(key: [u8; 32], plan: Plan, kept: impl IntoIterator<Item = String>) -> Self {
        let kept = kept.into_iter().map(|text| digits(&text)).filter(|digits| !digits.is_empty());
        Self {
            key,
            plan,
            kept: kept.collect(),
            endings: BTreeMap::new(),
            used: BTreeSet::new(),
            names: BTreeMap::new(),
            values: BTreeMap::new(),
            addresses: BTreeMap::new(),
        }
    }

    /// The message with everything personal replaced; line ends stay.
    pub(super) fn message(&mut self, text: &str, out: &mut String) {
        let by_user = text.starts_with("Event: UserEvent");
        let of_queue = text.starts_with("Event: QueueMember");
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\r', '\n']);
            let Some((key, value)) = content.split_once(": ") else {
                out.push_str(line);
                continue;
            };
            out.push_str(key);
            out.push_str(": ");
            let masked = match key {
                "Name" if of_queue => self.name(value),
                _ if by_user && !is_of_channels(key) && !OF_HOOKSWITCH.contains(&key) => self.data(value),
                _ => self.header(key, value),
            };
            out.push_str(&masked);
            out.push_str(&line[content.len()..]);
        }
    }

    fn header(&mut self, key: &str, value: &str) -> String {
        let small = key.to_ascii_lowercase();
        // `ChanVariable(PJSIP/…): NAME=value`
        if small.contains("chanvariable") {
            return match value.split_once('=') {
                Some((name, _)) if OWN.contains(&name) => value.to_owned(),
                Some((name, value)) if name.starts_with("HS_DATA") => format!("{name}={}", self.data(value)),
                Some((name, value)) if name.contains("name") => format!("{name}={}", self.name(value)),
                Some((name, value)) => format!("{name}={}", self.text(value)),
                None => self.text(value),
            };
        }
        if IDS.iter().any(|end| small.ends_with(end)) && small != "callerid" {
            return value.to_owned();
        }
        if NAMES.iter().any(|end| small.ends_with(end)) {
            return self.name(value);
        }
        let is_number =
            value.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '/' | '(' | ')' | '.'));
        let holds_number = ["num", "exten", "dnis"].iter().any(|end| small.ends_with(end));
        match (holds_number, is_number) {
            (true, true) => self.number(value),
            // Who calls by SIP may be called anything: `erika.muster`.
            (true, false) if small.ends_with("linenum") || small.ends_with("calleridnum") => self.name(value),
            (true | false, _) => self.text(value),
        }
    }

    /// A number, with whatever separates its digits.
    fn number(&mut self, text: &str) -> String {
        let all = digits(text);
        if all.len() <= SHORT || self.kept.contains(&all) {
            return text.to_owned();
        }
        let hidden = HIDDEN.min(all.len() - 2);
        let ending = all[all.len() - hidden..].to_owned();
        let stand_in = match self.endings.get(&ending) {
            Some(known) => known.clone(),
            None => self.stand_in(text, ending),
        };
        replaced(text, &stand_in)
    }

    /// Other digits of the same length, that nothing else has, with which the number is as valid as it was.
    fn stand_in(&mut self, text: &str, ending: String) -> String {
        let valid = self.plan.e164(text).is_some();
        let mut found = ending.clone();
        for round in 0..TRIES {
            let hash =
                Sha256::new().chain_update(self.key).chain_update(&ending).chain_update(round.to_be_bytes());
            found =
                hash.finalize().iter().take(ending.len()).map(|byte| char::from(b'0' + byte % 10)).collect();
            let free = found != ending && !self.used.contains(&found) && !self.endings.contains_key(&found);
            if free && self.plan.e164(&replaced(text, &found)).is_some() == valid {
                break;
            }
        }
        self.used.insert(found.clone());
        self.endings.insert(ending, found.clone());
        found
    }

    fn name(&mut self, name: &str) -> String {
        if matches!(name, "" | "<unknown>") {
            return name.to_owned();
        }
        // Some phones show a number where others show a name.
        if name.chars().all(|c| c.is_ascii_digit() || c == '+') {
            return self.number(name);
        }
        let next = self.names.len() + 1;
        self.names.entry(name.to_owned()).or_insert_with(|| format!("Name {next}")).clone()
    }

    /// Attached data: short numbers are choices of a menu, everything else may be anything.
    fn data(&mut self, value: &str) -> String {
        if value.len() <= SHORT && value.bytes().all(|byte| byte.is_ascii_digit()) {
            return value.to_owned();
        }
        let next = self.values.len() + 1;
        self.values.entry(value.to_owned()).or_insert_with(|| format!("value-{next}")).clone()
    }

    /// Any other text: numbers, known names and addresses in it.
    fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, stand_in) in &self.names {
            if name.len() > 2 && text.contains(name.as_str()) {
                text = text.replace(name.as_str(), stand_in);
            }
        }
        let mut out = String::with_capacity(text.len());
        for piece in text.split_inclusive(|c: char| !is_of_word(c)) {
            let word = piece.trim_end_matches(|c: char| !is_of_word(c));
            if is_uuid(word) {
                out.push_str(word);
            } else {
                self.word(word, &mut out);
            }
            out.push_str(&piece[word.len()..]);
        }
        out
    }

    /// The runs of digits in a word.
    fn word(&mut self, word: &str, out: &mut String) {
        let mut rest = word;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let plus = usize::from(rest[..at].ends_with('+'));
            let (before, from) = rest.split_at(at - plus);
            out.push_str(before);
            let (found, behind) = from.split_at(token(before, from, plus));
            out.push_str(&self.token(before, found, behind));
            rest = behind;
        }
        out.push_str(rest);
    }

    /// One run of digits and dots.
    fn token(&mut self, before: &str, found: &str, behind: &str) -> String {
        if let Ok(address) = found.parse::<Ipv4Addr>() {
            return self.address(address);
        }
        if is_id(before, found, behind) {
            return found.to_owned();
        }
        let parts: Vec<String> = found.split('.').map(|part| self.number(part)).collect();
        parts.join(".")
    }

    fn address(&mut self, address: Ipv4Addr) -> String {
        if address.is_loopback() || address.is_unspecified() {
            return address.to_string();
        }
        let next = self.addresses.len() % 254 + 1;
        self.addresses.entry(address).or_insert_with(|| format!("192.0.2.{next}")).clone()
    }
}

fn is_of_channels(key: &str) -> bool {
    let small = key.to_ascii_lowercase();
    let of_channel = OF_CHANNELS.iter().any(|known| small.starts_with(known));
    of_channel
        || IDS[..3].iter().any(|known| small.ends_with(known))
        || small == "accountcode"
        || small.contains("chanvariable")
}

/// The length of a run of digits, with dots in it where they are between digits.
fn token(before: &str, rest: &str, plus: usize) -> usize {
    let bytes = rest.as_bytes();
    let mut end = plus;
    while let Some(byte) = bytes.get(end) {
        let dot = *byte == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !(byte.is_ascii_digit() || dot) {
            break;
        }
        end += 1;
    }
    // Hexadecimal goes on: the end of a channel's name, a part of a UUID.
    let hexadecimal = before.ends_with('-') || before.ends_with(|c: char| c.is_ascii_hexdigit());
    let more = bytes[end..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if hexadecimal { end + more } else { end }
}

/// What a word is made of: `Local`, `1001`, `from-internal-00000012`, `+49305550001`, `1795323159.12`.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | '_')
}

/// `8-4-4-4-12` hexadecimal digits (RFC 9562 section 4): the id of a bridge.
fn is_uuid(word: &str) -> bool {
    let lengths = word.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Whether digits are the end of a channel's name (`PJSIP/trunk-0000001a`) or a Uniqueid (`1795323159.12`).
fn is_id(before: &str, found: &str, behind: &str) -> bool {
    let ends = !behind.starts_with(|c: char| c.is_ascii_alphanumeric());
    let of_channel = before.ends_with('-') && found.len() == 8 && ends;
    let uniqueid = found.split_once('.').is_some_and(|(seconds, count)| {
        seconds.len() == 10 && seconds.starts_with(['1', '2']) && !count.is_empty() && !count.contains('.')
    });
    of_channel || uniqueid
}

/// The text with its last digits replaced by these.
fn replaced(text: &str, ending: &str) -> String {
    let mut ending = ending.chars().rev();
    let mut reversed: Vec<char> = Vec::with_capacity(text.len());
    for c in text.chars().rev() {
        let next = if c.is_ascii_digit() { ending.next().unwrap_or(c) } else { c };
        reversed.push(next);
    }
    reversed.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masks() -> Masks {
        let kept = ["1001", "PJSIP/30555001"].map(str::to_owned);
        Masks::with_key([7; 32], Plan::new("DE"), kept)
    }

    fn masked(masks: &mut Masks, text: &str) -> String {
        let mut out = String::new();
        masks.message(text, &mut out);
        out
    }

    #[test]
    fn a_number_has_one_stand_in_however_it_is_written() {
        let mut masks = masks();
        let whole = masks.number("+49305550001");
        assert!(whole.starts_with("+4930") && whole.len() == 12 && whole != "+49305550001", "{whole}");
        let ending = whole[5..].to_owned();
        assert_eq!(masks.number("0305550001"), format!("030{ending}"));
        assert_eq!(masks.number("0049305550001"), format!("004930{ending}"));
        let spaced = masks.number("030 / 555-0001");
        assert_eq!(digits(&spaced), format!("030{ending}"));
        assert_eq!(spaced.len(), "030 / 555-0001".len());
        let plan = Plan::new("DE");
        assert_eq!(
            plan.e164(&masks.number("0305550001")),
            Some(whole),
            "what was one customer is one customer"
        );
    }

    #[test]
    fn ids_channels_and_extensions_stay() {
        let text = "Event: DialBegin\r\nUniqueid: 1795323159.12\r\nChannel: PJSIP/trunk-0000001a\r\n\
            DestChannel: Local/1001@from-internal-00000012;1\r\nExten: 1001\r\nDialString: PJSIP/30555001\r\n\
            BridgeUniqueid: 12345678-1234-1234-1234-123456789012\r\nChanVariable: HS_CALL=1795323159.12\r\n\
            AppData: 1795323159.12,12345678-1234-1234-1234-123456789012\r\n\r\n";
        assert_eq!(masked(&mut masks(), text), text);
    }

    #[test]
    fn what_is_personal_goes_wherever_it_stands() {
        let text = "Event: Newchannel\r\nCallerIDNum: +49305550001\r\nCallerIDName: Erika Muster\r\n\
            ConnectedLineName: <unknown>\r\nChanVariable: REDIRECTING(from-num)=03012345678\r\n\
            AppData: Erika Muster,sip:+49305550001@198.51.100.7:5060\r\n\r\n";
        let out = masked(&mut masks(), text);
        for gone in ["5550001", "2345678", "Erika", "Muster", "198.51.100.7"] {
            assert!(!out.contains(gone), "{gone} in {out}");
        }
        for stays in ["CallerIDNum: +4930", "Name 1", "<unknown>", "@192.0.2.1:5060", "(from-num)=0301"] {
            assert!(out.contains(stays), "{stays} not in {out}");
        }
        assert_eq!(out.lines().count(), text.lines().count());
    }

    #[test]
    fn a_caller_without_a_number_has_a_name_to_hide() {
        let mut masks = masks();
        let text = "Event: Newchannel\r\nCallerIDNum: erika.muster\r\nAppData: erika.muster@x\r\n\r\n";
        assert_eq!(
            masked(&mut masks, text),
            "Event: Newchannel\r\nCallerIDNum: Name 1\r\nAppData: Name 1@x\r\n\r\n"
        );
        assert_eq!(masked(&mut masks, "CallerIDNum: <unknown>\r\n"), "CallerIDNum: <unknown>\r\n");
    }

    #[test]
    fn attached_data_goes_and_choices_stay() {
        let text = "Event: UserEvent\r\nUserEvent: HookswitchData\r\nUniqueid: 1795323159.12\r\nCallerIDNum: 1001\r\n\
            choice: 2\r\ncustomer: 4711-0815\r\nAccountCode: \r\n\r\n";
        let out = masked(&mut masks(), text);
        assert!(out.contains("choice: 2\r\n") && out.contains("customer: value-1\r\n"), "{out}");
        assert!(
            out.contains("UserEvent: HookswitchData\r\n") && out.contains("CallerIDNum: 1001\r\n"),
            "{out}"
        );
    }

    #[test]
    fn two_numbers_never_become_one() {
        let mut masks = masks();
        let many: Vec<String> = (0..5_000).map(|n| format!("+4930{:07}", 1_000_000 + n * 37)).collect();
        let stand_ins: BTreeSet<String> = many.iter().map(|number| masks.number(number)).collect();
        assert_eq!(stand_ins.len(), many.len());
    }

    proptest! {
        #[test]
        fn any_message_keeps_its_lines_and_no_long_number(text in "(Event: [A-Za-z]{1,12}\r\n)?([A-Za-z]{1,9}: [ -~]{0,40}\r\n){0,6}\r\n", number in "[2-9][0-9]{9}") {
            let text = text.replace("\r\n\r\n", &format!("\r\nCallerIDNum: {number}\r\nX: a{number},b\r\n\r\n"));
            let out = masked(&mut masks(), &text);
            prop_assert_eq!(out.lines().count(), text.lines().count());
            let callers = out.lines().find_map(|line| line.strip_prefix("CallerIDNum: "));
            if text.contains("\r\nCallerIDNum: ") && !text.starts_with("Event: UserEvent") {
                prop_assert_ne!(callers, Some(number.as_str()));
            }
        }
    }
}
