//! Everything a message meets on its way in.

use std::net::SocketAddr;

use hookswitch_sip::auth::{self, Server};
use hookswitch_sip::message::Screen;
use hookswitch_sip::registrar::{self, Registrar};
use hookswitch_sip::transaction::{Event, Settings};
use hookswitch_sip::{
    Flow, Framed, Framer, Headers, Instant, Layer, Limits, Method, Name, Random, Request, parse,
};

/// What came of the messages so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) read: u32,
    pub(crate) refused: u32,
    pub(crate) dropped: u32,
}

/// A queue server's way in, without the queue.
pub(crate) struct Victim {
    layer: Layer,
    registrar: Registrar,
    server: Server,
    screen: Screen,
    flow: Flow,
    now: Instant,
    pub(crate) tally: Tally,
}

/// An answer copies what the sender wrote, and adds no more than this.
const ADDED: usize = 200;

impl Victim {
    pub(crate) fn new() -> Self {
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            layer: Layer::new(Settings { max: 500, ..Settings::default() }, 1),
            registrar: Registrar::new(registrar::Settings::default()),
            server: Server::new(auth::Settings::new("example.com"), [3; 32], 1),
            screen: Screen {
                methods: vec![Method::Invite, Method::Register, Method::Bye, Method::Options],
                extensions: vec!["100rel".into()],
                bodies: vec!["application/sdp".into()],
            },
            flow: Flow::udp(at(5060), at(5080)),
            now: Instant::EPOCH,
            tally: Tally::default(),
        }
    }

    /// Takes in one datagram. What it says is read, screened, challenged, registered and answered.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        match parse(bytes, &Limits::default()) {
            Err(bad) => match bad.answer {
                Some(answer) => {
                    let size = answer.to_bytes().len();
                    assert!(size <= bytes.len() + ADDED, "{size} bytes answer {}: {}", bytes.len(), bad.what);
                    self.layer.transmit(self.flow, answer);
                    self.tally.refused += 1;
                }
                None => self.tally.dropped += 1,
            },
            Ok(message) => {
                self.tally.read += 1;
                let written = message.to_bytes();
                let again = parse(&written, &Limits::default());
                assert_eq!(
                    again.as_ref(),
                    Ok(&message),
                    "it is read back from {}",
                    String::from_utf8_lossy(&written)
                );
                read_all(message.headers());
                self.layer.receive(self.now, self.flow, message);
            }
        }
        self.now += std::time::Duration::from_millis(50);
        self.layer.tick(self.now);
        self.registrar.tick(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.layer.poll_event() {
            if let Event::Request { id, request, .. } = event {
                let answer = self.answer(&request);
                self.layer.respond(self.now, id, answer.with_to_tag("t"));
            }
        }
        while let Some(sent) = self.layer.poll_transmit() {
            assert!(sent.bytes.len() <= Limits::default().message_bytes + 1000);
        }
        while self.registrar.poll_change().is_some() {}
    }

    fn answer(&mut self, request: &Request) -> hookswitch_sip::Response {
        if let Some(refusal) = self.screen.refuse(request) {
            return refusal;
        }
        let verdict = self.server.verify(self.now, self.flow.remote.ip(), request, |_| Some("secret"));
        let refused = self.server.answer(self.now, request, &verdict);
        let registered = self.registrar.register(self.now, self.flow, "alice", request);
        refused.unwrap_or(registered)
    }

    /// Cuts the bytes as a stream, and takes in what comes out.
    pub(crate) fn stream(&mut self, random: &mut Random, bytes: &[u8]) {
        let mut framer = Framer::new(Limits::default());
        let mut rest = bytes;
        while !rest.is_empty() {
            let size = usize::try_from(random.next() % 200).unwrap_or(0).clamp(1, rest.len());
            let (piece, later) = rest.split_at(size);
            framer.push(piece);
            rest = later;
            while let Ok(Some(frame)) = framer.next_frame() {
                if let Framed::Message(bytes) = frame {
                    self.receive(&bytes);
                }
            }
        }
    }
}

/// Every typed reader, whatever stands there.
fn read_all(headers: &Headers) {
    let _ = (headers.via(), headers.vias(), headers.from(), headers.to(), headers.cseq());
    let _ = (headers.contacts(), headers.contact_is_star(), headers.routes(), headers.record_routes());
    let _ = (headers.expires(), headers.max_forwards(), headers.min_expires(), headers.retry_after());
    let _ = (headers.supports("timer"), headers.allow().count(), headers.session_expires(), headers.min_se());
    let _ = (headers.replaces(), headers.refer_to(), headers.referred_by(), headers.p_asserted_identity());
    let _ = (headers.remote_party_id(), headers.wants_privacy("id"), headers.diversions(), headers.rseq());
    let _ = (headers.rack(), headers.event(), headers.content_type(), headers.addresses(&Name::HistoryInfo));
    for contact in headers.contacts() {
        assert!(contact.uri.same(&contact.uri), "{} is itself", contact.uri);
        let _ = (contact.uri.user_decoded(), contact.uri.decoded_headers().count());
    }
}
