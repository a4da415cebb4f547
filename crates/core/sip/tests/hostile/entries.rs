//! One function for each entry of the parser: any bytes, and what must hold of them. The mutations here and the fuzz targets
//! (`fuzz` at the root) call the same.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "the fuzz targets have them from a library of their own, and need no others"
)]

use std::fmt::Debug;
use std::str::FromStr;

use hookswitch_sip::auth::{self, Client, Server};
use hookswitch_sip::dialog_info::DialogInfo;
use hookswitch_sip::message::{Event, NameAddr, RAck, Replaces, SessionExpires};
use hookswitch_sip::{CSeq, Instant, Limits, Message, Name, Random, Request, Uri, Via, parse};

use crate::victim::Victim;

/// A datagram.
pub fn message(bytes: &[u8]) {
    Victim::new().receive(bytes);
}

/// A stream, in pieces of any size.
pub fn stream(bytes: &[u8]) {
    Victim::new().stream(&mut Random::new(bytes.len() as u64), bytes);
}

/// What can be read can be written and read again.
fn value<T: FromStr + ToString + PartialEq + Debug>(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        assert_eq!(written.parse::<T>().ok().as_ref(), Some(&value), "{text:?} is written as {written:?}");
    }
}

/// An address.
pub fn uri(bytes: &[u8]) {
    value::<Uri>(bytes);
}

/// An address with a name and parameters.
pub fn name_addr(bytes: &[u8]) {
    value::<NameAddr>(bytes);
}

/// A Via.
pub fn via(bytes: &[u8]) {
    value::<Via>(bytes);
}

/// The smaller headers that have a reader of their own.
pub fn values(bytes: &[u8]) {
    value::<CSeq>(bytes);
    value::<Replaces>(bytes);
    value::<SessionExpires>(bytes);
    value::<RAck>(bytes);
    value::<Event>(bytes);
}

/// What a PBX tells of a line. True when it was read.
pub fn dialog_info(bytes: &[u8]) -> bool {
    let Ok(info) = DialogInfo::parse(bytes) else { return false };
    assert!(info.dialogs.len() <= 128);
    for dialog in &info.dialogs {
        assert!(!dialog.id.is_empty() && dialog.id.len() <= 1_024, "{dialog:?}");
        assert!(dialog.remote.display.as_ref().is_none_or(|name| name.len() <= 1_024), "{dialog:?}");
        // Nothing is expanded: what is longer than its sender wrote came from an entity.
        assert!(dialog.id.len() <= bytes.len(), "{dialog:?}");
    }
    true
}

fn register() -> Request {
    let text = "REGISTER sip:pbx SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:alice@pbx>;tag=1\r\n\
                To: <sip:alice@pbx>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n";
    let Ok(Message::Request(request)) = parse(text.as_bytes(), &Limits::default()) else {
        unreachable!("{text}")
    };
    request
}

/// What a server asks: a challenge that is answered opens no door elsewhere. True when it could be answered.
pub fn challenge(bytes: &[u8]) -> bool {
    let challenge = String::from_utf8_lossy(bytes).into_owned();
    let mut request = register();
    let response = request.reply(401, "").with(Name::WwwAuthenticate, challenge);
    if Client::new("alice", "secret", 1).answer(&mut request, &response).is_err() {
        return false;
    }
    // Whatever nonce that was, this server never gave it.
    let mut server = Server::new(auth::Settings::new("pbx"), [3; 32], 1);
    let address = std::net::IpAddr::from([192, 0, 2, 9]);
    let verdict = server.verify(Instant::EPOCH, address, &request, |_| Some("secret"));
    assert!(!matches!(verdict, auth::Verdict::Accepted { .. }), "{request:?}");
    let again = parse(&request.to_bytes(), &Limits::default());
    assert!(matches!(again, Ok(Message::Request(_))), "{again:?}");
    true
}

/// What a phone answers: credentials nobody gave it open nothing.
pub fn credentials(bytes: &[u8]) {
    let mut request = register();
    request.headers.push(Name::Authorization, String::from_utf8_lossy(bytes).into_owned());
    let mut server = Server::new(auth::Settings::new("pbx"), [3; 32], 1);
    let address = std::net::IpAddr::from([192, 0, 2, 9]);
    let verdict = server.verify(Instant::EPOCH, address, &request, |_| Some("secret"));
    assert!(!matches!(verdict, auth::Verdict::Accepted { .. }), "{request:?}");
    let _ = server.answer(Instant::EPOCH, &request, &verdict);
}
