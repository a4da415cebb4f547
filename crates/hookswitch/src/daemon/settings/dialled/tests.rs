//! What pages hold, and what comes of it.

use super::*;

fn reader() -> Reader {
    let text = r#"
        [numbers]
        country = "DE"
        [[pbx]]
        name = "hq"
        kind = "asterisk"
        address = "127.0.0.1:5038"
        username = "u"
        secret = "s"
        fallback = { goto = "from-internal,600,1" }
        [[agent]]
        id = "alice"
        devices = ["PJSIP/1001"]
        [[agent]]
        id = "bob"
        extension = "3055500"
        devices = ["PJSIP/1002"]
        [[queue]]
        id = "support"
        members = { agents = ["alice"] }
    "#;
    let config = hookswitch_config::load_str("test.toml", text);
    Reader::new(&config.unwrap_or_else(|problems| panic!("{}", hookswitch_config::render(&problems))))
}

/// Text dialled, its E.164, the extension to ask for.
type Expected = (&'static str, Option<&'static str>, Option<&'static str>);

const N: Option<&str> = Some("+49305550001");

/// What is dialled.
const READ: &[(&str, Expected)] = &[
    ("alice", ("alice", None, None)),
    (" support ", ("support", None, None)),
    ("1001", ("1001", None, None)),
    ("3055500", ("3055500", None, None)),
    ("305-5500", ("3055500", None, None)),
    ("600", ("600", None, None)),
    ("tel:1001", ("1001", None, None)),
    ("tel:1001;phone-context=example.com", ("1001", None, None)),
    ("sip:1001@pbx.example.com;user=phone", ("1001", None, None)),
    ("+49305550001", ("+49305550001", N, None)),
    ("+49 30 5550001", ("+49305550001", N, None)),
    ("+49 (0)30 5550001", ("+49305550001", N, None)),
    ("+49 (0) 30 / 555 - 0001", ("+49305550001", N, None)),
    ("+49.30.5550001", ("+49305550001", N, None)),
    ("(+49) 30 5550001", ("+49305550001", N, None)),
    ("[+49] 30 5550001", ("+49305550001", N, None)),
    ("+49-30-5550001", ("+49305550001", N, None)),
    ("+49\u{a0}30\u{202f}5550001", ("+49305550001", N, None)),
    ("+49 30\u{2013}5550001", ("+49305550001", N, None)),
    ("\u{202a}+49 30 5550001\u{202c}", ("+49305550001", N, None)),
    ("\u{ff0b}\u{ff14}\u{ff19}305550001", ("+49305550001", N, None)),
    ("+\u{664}\u{669}305550001", ("+49305550001", N, None)),
    ("\t+49305550001\r\n", ("+49305550001", N, None)),
    ("0049305550001", ("0049305550001", N, None)),
    ("00 49 30 5550001", ("0049305550001", N, None)),
    ("030 5550001", ("0305550001", N, None)),
    ("030/5550001", ("0305550001", N, None)),
    ("(030) 555-0001", ("0305550001", N, None)),
    ("%2B49305550001", ("+49305550001", N, None)),
    ("%2B49%2030%205550001", ("+49305550001", N, None)),
    ("tel:+49305550001", ("+49305550001", N, None)),
    ("TEL:+49-30-5550001", ("+49305550001", N, None)),
    ("tel://+49305550001", ("+49305550001", N, None)),
    ("tel:%2B49305550001", ("+49305550001", N, None)),
    ("tel%3A%2B49-30-5550001", ("+49305550001", N, None)),
    ("callto:+49305550001", ("+49305550001", N, None)),
    ("sip:+49305550001@carrier.example.com", ("+49305550001", N, None)),
    ("tel:+49-30-5550001;ext=12", ("+49305550001", N, Some("12"))),
    ("tel:+49-30-5550001;EXT=1-2", ("+49305550001", N, Some("12"))),
    ("tel:+49-30-5550001;isub=12345", ("+49305550001", N, None)),
    ("tel:+49-30-5550001;isub=1;ext=7", ("+49305550001", N, Some("7"))),
    ("tel:5550001;phone-context=+4930", ("5550001", N, None)),
    ("tel:030-5550001;phone-context=+49", ("0305550001", N, None)),
    ("+49305550001 x12", ("+49305550001", N, Some("12"))),
    ("+49305550001x12", ("+49305550001", N, Some("12"))),
    ("+49305550001 ext. 12", ("+49305550001", N, Some("12"))),
    ("+49305550001, Ext: 12", ("+49305550001", N, Some("12"))),
    ("030 5550001 Durchwahl 12", ("0305550001", N, Some("12"))),
    ("+49305550001,,12", ("+49305550001", N, Some("12"))),
    ("+1 (212) 555-0123", ("+12125550123", Some("+12125550123"), None)),
    ("001 212 555 0123", ("0012125550123", Some("+12125550123"), None)),
    ("+44 (0)20 7946 0123", ("+442079460123", Some("+442079460123"), None)),
    ("+390612345678", ("+390612345678", Some("+390612345678"), None)),
    ("0171 1234567", ("01711234567", Some("+491711234567"), None)),
];

/// What is refused, and a word of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("", "no digit"),
    ("   ", "no digit"),
    ("tel:", "no digit"),
    ("+", "no digit"),
    ("nobody", "called so"),
    ("Alice", "called so"),
    ("alice@example.com", "an address"),
    ("sip:carol@example.com", "called so"),
    ("1-800-FLOWERS", "letters"),
    ("030 5550001 oder 0171 1234567", "letters"),
    ("+49305550001 +49305550002", "two numbers"),
    ("+49++305550001", "two numbers"),
    ("*21*0305550001#", "feature code"),
    ("#31#+49305550001", "feature code"),
    ("*50", "feature code"),
    ("+49", "told"),
    ("+999123456789", "told"),
    ("90305550001000", "told"),
    ("123456789012345678901", "too many"),
    ("tel:5550001;phone-context=example.com", "told"),
    ("+4930\r\nAction: Originate", "control"),
    ("+49305550001%0d%0aAction:%20Originate", "control"),
    ("+49305550001\u{0}", "control"),
    ("1001&PJSIP/1002", "letters"),
    ("1001,1,Dial(PJSIP/1002)", "extension"),
    ("1001|1", "characters"),
    ("${EXTEN}", "letters"),
    ("1001${X}", "letters"),
    ("Local/1001@from-internal", "an address"),
    ("1001@from-internal", "an address"),
    ("+49305550001;cause=1", "behind"),
    ("+49305550001;ext=abc", "extension"),
    ("+49305550001 x", "extension"),
    ("+49305550001 x12345678901", "extension"),
    ("%zz", "percent"),
    ("%ff%fe", "no text"),
    ("%252B49305550001", "letters"),
    ("javascript:alert(1)", "called so"),
    ("1001\"", "characters"),
    ("1001\\n", "letters"),
];

#[test]
fn what_pages_hold_is_read_or_refused() {
    let reader = reader();
    assert!(READ.len() + REFUSED.len() >= 60, "{}", READ.len() + REFUSED.len());
    let mut wrong = String::new();
    for (text, (dialled, e164, extension)) in READ {
        let expected = Dialled {
            destination: Destination { text: (*dialled).to_owned(), e164: e164.map(str::to_owned) },
            extension: extension.map(str::to_owned),
        };
        let read = reader.read(text);
        if read.as_ref() != Ok(&expected) {
            wrong += &format!("{text:?}: {read:?}\n");
        }
    }
    for (text, why) in REFUSED {
        match reader.read(text) {
            Err(refusal) if refusal.why.contains(why) && !refusal.hint.is_empty() => {}
            other => wrong += &format!("{text:?}: {other:?}\n"),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn nothing_that_a_pbx_reads_as_syntax_comes_out_whatever_goes_in() {
    let reader = reader();
    // A fixed sequence of texts out of the characters that matter.
    let alphabet: Vec<char> =
        "0123456789+-().;=,*#@&|/%{}$\\\"' \r\nxte:l\u{ff11}\u{661}aé".chars().collect();
    let (mut state, mut taken) = (1_u64, 0);
    for _ in 0..200_000 {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let length = next() % 14;
        let text: String = (0..length).map(|_| alphabet[next() % alphabet.len()]).collect();
        let Ok(Dialled { destination, extension }) = reader.read(&text) else { continue };
        taken += 1;
        let number = destination.text.strip_prefix('+').unwrap_or(&destination.text);
        assert!(
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()),
            "{text:?} → {destination:?}"
        );
        for digits in extension.iter().chain(&destination.e164) {
            assert!(digits.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit()), "{text:?}");
        }
    }
    assert!(taken > 1_000, "{taken}");
}
