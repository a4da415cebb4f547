//! What comes of a message: read, screened, registered or challenged as the switch would do it.

use std::net::SocketAddr;

use hookswitch_sip::auth::{Server, Settings};
use hookswitch_sip::message::Screen;
use hookswitch_sip::registrar::{self, Registrar};
use hookswitch_sip::{Flow, Headers, Instant, Limits, Message, Method, Name, NameAddr, Request, Via, parse};

/// What must come of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// It is served, and says this.
    Served(&'static [(&'static str, &'static str)]),
    /// It cannot be read; the sender is told so.
    Unreadable(u16),
    /// It can be read and is refused, as its kind is by those who serve it.
    Refused(u16),
    /// Nobody is told anything.
    Dropped,
}

/// Fails unless `bytes` lead to what is expected.
pub(crate) fn check(name: &str, bytes: &[u8], expected: Expected) {
    let read = parse(bytes, &Limits::default());
    match (expected, read) {
        (Expected::Served(facts), Ok(message)) => {
            if let Message::Request(request) = &message {
                assert_eq!(refusal(request), None, "{name}");
            }
            for (label, value) in facts {
                assert_eq!(fact(&message, label), *value, "{name}: {label}");
            }
            again(name, &message);
        }
        (Expected::Refused(status), Ok(Message::Request(request))) => {
            assert_eq!(refusal(&request), Some(status), "{name}");
        }
        (Expected::Unreadable(status), Err(bad)) => {
            let answer =
                bad.answer.unwrap_or_else(|| panic!("{name}: somebody is owed an answer: {}", bad.what));
            assert_eq!(answer.status, status, "{name}: {}", bad.what);
            let bytes = answer.to_bytes();
            assert!(bytes.starts_with(format!("SIP/2.0 {status} ").as_bytes()), "{name}");
        }
        (Expected::Dropped, Err(bad)) => assert_eq!(bad.answer, None, "{name}: {}", bad.what),
        (expected, read) => panic!("{name}: {expected:?} but {read:?}"),
    }
}

/// Written out and read again, a message says the same.
fn again(name: &str, message: &Message) {
    let written = message.to_bytes();
    let read = parse(&written, &Limits::default());
    assert_eq!(
        read.as_ref(),
        Ok(message),
        "{name} is not read back from {}",
        String::from_utf8_lossy(&written)
    );
}

/// The status a request is refused with by those who serve it, or none.
fn refusal(request: &Request) -> Option<u16> {
    if let Some(refusal) = screen().refuse(request) {
        return Some(refusal.status);
    }
    if request.method != Method::Register {
        return None;
    }
    if request.headers.has(&Name::Authorization) {
        let mut server = Server::new(Settings::new("example.com"), [0; 32], 0);
        let source = flow().remote.ip();
        let verdict = server.verify(Instant::EPOCH, source, request, |_| None);
        return server.answer(Instant::EPOCH, request, &verdict).map(|answer| answer.status);
    }
    let mut registrar = Registrar::new(registrar::Settings::default());
    let answer = registrar.register(Instant::EPOCH, flow(), "user", request);
    (answer.status != 200).then_some(answer.status)
}

fn flow() -> Flow {
    let at = |host| SocketAddr::from(([192, 0, 2, host], 5060));
    Flow::udp(at(254), at(253))
}

/// What a queue server knows.
pub(crate) fn screen() -> Screen {
    let methods = [
        Method::Invite,
        Method::Bye,
        Method::Register,
        Method::Options,
        Method::Prack,
        Method::Update,
        Method::Info,
        Method::Refer,
        Method::Notify,
        Method::Subscribe,
        Method::Message,
    ];
    Screen {
        methods: methods.into(),
        extensions: ["100rel", "timer", "replaces", "outbound", "path"].map(Into::into).into(),
        bodies: ["application/sdp", "application/dtmf-relay", "message/sipfrag"].map(Into::into).into(),
    }
}

/// What a message says of itself.
fn fact(message: &Message, label: &str) -> String {
    let headers = message.headers();
    match (label, message) {
        ("method", Message::Request(request)) => request.method.to_string(),
        ("uri", Message::Request(request)) => request.uri.to_string(),
        ("uri user", Message::Request(request)) => request.uri.user_decoded().unwrap_or_default(),
        ("uri host", Message::Request(request)) => said(request.uri.host.as_ref()),
        ("uri port", Message::Request(request)) => said(request.uri.port),
        ("bindings", Message::Request(request)) => bindings(request),
        ("status", Message::Response(response)) => response.status.to_string(),
        ("reason", Message::Response(response)) => response.reason.to_string(),
        ("body", Message::Request(Request { body, .. })) => body.len().to_string(),
        ("body", Message::Response(response)) => response.body.len().to_string(),
        (_, Message::Request(_) | Message::Response(_)) => header_fact(headers, label),
    }
}

fn header_fact(headers: &Headers, label: &str) -> String {
    let via = headers.via().expect("a Via");
    let side = |side: Option<NameAddr>| side.expect("an address");
    match label {
        "to" => side(headers.to()).uri.to_string(),
        "to user" => side(headers.to()).uri.user_decoded().unwrap_or_default(),
        "to name" => side(headers.to()).display.unwrap_or_default().into(),
        "to tag" => said(side(headers.to()).tag()),
        "from" => side(headers.from()).uri.to_string(),
        "from name" => side(headers.from()).display.unwrap_or_default().into(),
        "from tag" => said(side(headers.from()).tag()),
        "call-id" => said(headers.call_id()),
        "cseq" => said(headers.cseq()),
        "hops" => said(headers.max_forwards()),
        "branch" => said(via.branch()),
        "unique branch" => said(via.unique_branch()),
        "received" => said(via.received()),
        "via" => format!("{} {} {}", via.transport, via.host, via.port.unwrap_or_default()),
        "vias" => {
            headers.vias().iter().map(|via: &Via| via.transport.to_string()).collect::<Vec<_>>().join(" ")
        }
        "contacts" => headers.contacts().iter().map(NameAddr::to_string).collect::<Vec<_>>().join(", "),
        "routes" => headers.routes().iter().map(NameAddr::to_string).collect::<Vec<_>>().join(", "),
        "members of Accept" => headers.members(&Name::Accept).count().to_string(),
        name => headers.named(name).unwrap_or("missing").to_owned(),
    }
}

fn bindings(request: &Request) -> String {
    let mut registrar = Registrar::new(registrar::Settings::default());
    registrar.register(Instant::EPOCH, flow(), "user", request);
    let contacts = registrar.contacts("user", Instant::EPOCH);
    contacts.iter().map(|binding| binding.uri.to_string()).collect::<Vec<_>>().join(", ")
}

fn said(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
