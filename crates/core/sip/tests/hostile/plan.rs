//! In the manner of the PROTOS suite c07-sip: an INVITE with one field after the other replaced by one anomaly after
//! the other.

use crate::victim::Victim;

/// `{…}` is a field with its usual value.
const INVITE: &str = "{INVITE} {sip}:{bob}@{192.0.2.1}:{5060};{transport}={udp} {SIP}/{2}.{0}\r\n\
Via: {SIP/2.0}/{UDP} {192.0.2.9}:{5070};{branch}={z9hG4bK74bf9};{rport};{received}={192.0.2.9}\r\n\
{Max-Forwards}: {70}\r\n\
From: {\"Alice\"} <{sip}:{alice}@{example.com}>;{tag}={9fxced76sl}\r\n\
To: {Bob} <{sip}:{bob}@{example.com}>\r\n\
Call-ID: {3848276298220188511}@{atlanta.example.com}\r\n\
CSeq: {2} {INVITE}\r\n\
Contact: <{sip}:{alice}@{client.example.com};{transport}={tcp}>;{q}={0.7};{expires}={3600}\r\n\
Record-Route: <{sip:ss1.example.com;lr}>, <{sip:ss2.example.com;lr}>\r\n\
{Expires}: {180}\r\n\
Authorization: {Digest} {username}=\"{alice}\", realm=\"{example.com}\", nonce=\"{abc}\", uri=\"{sip:bob}\", response=\"{00}\"\r\n\
Session-Expires: {1800};{refresher}={uac}\r\n\
{Content-Type}: {application/sdp}\r\n\
{Content-Length}: {15}\r\n\
\r\n\
{v=0\r\no=- 0 0 IN}";

/// Words that mean something somewhere, or too much.
const WORDS: &[&str] = &[
    "",
    "-1",
    "0",
    "+1",
    "255",
    "256",
    "65535",
    "65536",
    "99999",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "1e9",
    "0x7f",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\r\n ",
    "\r\n\t\r\n ",
    "a\0b",
    "%00",
    "%",
    "%z",
    "%0d%0aVia: x",
    "é",
    "\u{202e}",
    "()",
    "<>",
    "<<<<",
    ">>>>",
    "<sip:a@b>",
    "\"",
    "\"\\",
    "\"\"",
    "[::1]",
    "[::",
    "::1",
    "[]",
    "[::1]:5060",
    "256.256.256.256",
    "1.2.3",
    "a@b@c",
    "sip:",
    "sip:@",
    "sip:a@",
    "tel:",
    "*",
    ";;;;",
    ";=;=",
    "=",
    "a=b=c",
    ",,,",
    "?a=b&c",
    "//",
    "SIP/2.0",
    "SIP/2.0 200 OK",
    "INVITE",
    "invite",
    "\u{feff}",
    "../../../etc/passwd",
    "' OR 1=1 --",
    "${jndi:ldap://x}",
];

/// What stands in for a field.
fn anomalies() -> Vec<Vec<u8>> {
    let mut anomalies: Vec<Vec<u8>> = Vec::new();
    for character in [b'a', b'0', b'%', b'<', b'"', b'\\', b';', b':', b',', b'[', b' ', b'\t', 0, 0xff] {
        anomalies.extend([1, 17, 129, 1025, 9000].map(|count| vec![character; count]));
    }
    anomalies.extend([32, 64, 1000].map(|count| b"%s%n".repeat(count)));
    anomalies.extend(WORDS.iter().map(|word| word.as_bytes().to_vec()));
    anomalies
}

/// The INVITE in pieces; every second is a field.
fn pieces() -> Vec<&'static str> {
    INVITE.split(['{', '}']).collect()
}

#[test]
fn an_invite_with_any_field_wrong_is_read_refused_or_dropped() {
    let pieces = pieces();
    let fields = pieces.len() / 2;
    let mut victim = Victim::new();
    let mut tried = 0;
    for field in 0..fields {
        for anomaly in anomalies() {
            let mut bytes = Vec::new();
            for (at, piece) in pieces.iter().enumerate() {
                bytes.extend(if at == field * 2 + 1 { &anomaly } else { piece.as_bytes() });
            }
            victim.receive(&bytes);
            tried += 1;
        }
    }
    assert!(tried > 4500, "{tried} are too few");
    let tally = &victim.tally;
    assert!(tally.read > 500 && tally.refused > 1000 && tally.dropped > 20, "all three come: {tally:?}");
}

#[test]
fn the_invite_itself_is_good() {
    let mut victim = Victim::new();
    victim.receive(pieces().concat().as_bytes());
    assert_eq!(victim.tally.read, 1);
}
