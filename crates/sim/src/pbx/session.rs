//! Manager sessions: who is logged in and reads what.

use bytes::Bytes;
use hookswitch_ami::{Frame, FrameKind, Secret, challenge_key};
use regex_lite::Regex;

use crate::config::{Micros, SECOND};
use crate::message::{Classes, Message, Stamp};
use crate::pbx::{Output, Pbx};

/// A manager connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What the PBX knows of a connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) user: Option<String>,
    pub(crate) mask: Classes,
    pub(crate) filters: Vec<Filter>,
    challenge: Option<String>,
    /// What waits for the end of a stall.
    pub(crate) held: Vec<Bytes>,
}

/// A filter over the text of events (`Filter` action).
#[derive(Debug)]
pub(crate) struct Filter {
    excludes: bool,
    pattern: Regex,
}

impl Filter {
    /// `!pattern` keeps events out, `pattern` lets only such through. None when it is no pattern.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (excludes, pattern) = match text.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, text),
        };
        Some(Self { excludes, pattern: Regex::new(pattern).ok()? })
    }
}

impl Session {
    /// Whether an event gets through the filters: excluded by none, and included by one if there is any such.
    fn lets_through(&self, event: &[u8]) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let Ok(text) = std::str::from_utf8(event) else { return true };
        let (out, only): (Vec<_>, Vec<_>) = self.filters.iter().partition(|filter| filter.excludes);
        !out.iter().any(|filter| filter.pattern.is_match(text))
            && (only.is_empty() || only.iter().any(|filter| filter.pattern.is_match(text)))
    }
}

impl Pbx {
    /// A client connects: it is greeted. While the PBX is down it is turned away.
    pub fn connect(&mut self, now: Micros, id: SessionId) {
        self.advance(now);
        if now < self.faults.down_until {
            self.outputs.push_back(Output::Close(id));
            return;
        }
        self.sessions.insert(id, Session::default());
        let banner = format!("Asterisk Call Manager/{}\r\n", self.config.ami_version);
        self.outputs.push_back(Output::Send(id, Bytes::from(banner)));
    }

    /// A client is gone.
    pub fn disconnect(&mut self, now: Micros, id: SessionId) {
        self.advance(now);
        self.sessions.remove(&id);
    }

    /// A client asks for something.
    pub fn action(&mut self, now: Micros, id: SessionId, frame: &Frame) {
        self.advance(now);
        let Some(session) = self.sessions.get(&id) else { return };
        let name = if frame.kind() == FrameKind::Action { frame.name() } else { "" };
        if session.user.is_some() {
            self.perform(id, name, frame);
            return;
        }
        match name.to_ascii_lowercase().as_str() {
            "login" => self.login(id, frame),
            "challenge" => self.challenge(id, frame),
            "logoff" => self.logoff(id, frame),
            _ => self.respond_error(id, frame, "Permission denied"),
        }
    }

    fn challenge(&mut self, id: SessionId, frame: &Frame) {
        if !frame.get("AuthType").is_some_and(|kind| kind.eq_ignore_ascii_case("md5")) {
            return self.respond_error(id, frame, "Must specify AuthType");
        }
        let challenge = (self.random.bits() % 1_000_000_000).to_string();
        let mut response = Message::response("Success", frame.action_id());
        response.put("Challenge", &challenge);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.challenge = Some(challenge);
        }
        self.send(id, response);
    }

    fn login(&mut self, id: SessionId, frame: &Frame) {
        let name = frame.get("Username").unwrap_or_default();
        let challenge = self.sessions.get(&id).and_then(|session| session.challenge.clone());
        let user = self.config.users.iter().find(|user| user.name == name).filter(|user| match challenge {
            Some(challenge) if frame.get("Key").is_some() => {
                frame.get("Key")
                    == Some(challenge_key(&challenge, &Secret::new(user.secret.clone())).as_str())
            }
            Some(_) | None => frame.get("Secret") == Some(user.secret.as_str()),
        });
        let Some(user) = user.map(|user| user.name.clone()) else {
            self.respond_error(id, frame, "Authentication failed");
            self.sessions.remove(&id);
            self.outputs.push_back(Output::Close(id));
            return;
        };
        let mask = frame.get("Events").map_or(Classes::ALL, Classes::parse);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.user = Some(user.clone());
            session.mask = mask;
        }
        self.respond_success(id, frame, "Authentication accepted");
        if mask.intersects(Classes::SYSTEM) {
            let uptime = (self.now - self.booted) / SECOND;
            let mut message = Message::event("FullyBooted", Classes::SYSTEM, None, true);
            message.put("Uptime", uptime).put("LastReload", uptime).put("Status", "Fully Booted");
            self.send(id, message);
        }
        let mut message = self.event("SuccessfulAuth", Classes::SECURITY);
        message
            .put("Severity", "Informational")
            .put("Service", "AMI")
            .put("EventVersion", 1)
            .put("AccountID", user)
            .put("SessionID", format_args!("{:#x}", id.0))
            .put("UsingPassword", 0);
        self.publish(message);
    }

    pub(crate) fn logoff(&mut self, id: SessionId, frame: &Frame) {
        let mut response = Message::response("Goodbye", frame.action_id());
        response.put("Message", "Thanks for all the fish.");
        self.send(id, response);
        self.sessions.remove(&id);
        self.outputs.push_back(Output::Close(id));
    }

    pub(crate) fn respond_success(&mut self, id: SessionId, frame: &Frame, text: &str) {
        let mut response = Message::response("Success", frame.action_id());
        response.put("Message", text);
        self.send(id, response);
    }

    pub(crate) fn respond_error(&mut self, id: SessionId, frame: &Frame, text: &str) {
        let mut response = Message::response("Error", frame.action_id());
        response.put("Message", text);
        self.send(id, response);
    }

    /// The answer to `Ping`.
    pub(crate) fn respond_pong(&mut self, id: SessionId, frame: &Frame) {
        let mut response = Message::response("Success", frame.action_id());
        response.put("Ping", "Pong").put("Timestamp", Stamp(self.now));
        self.send(id, response);
    }

    /// Whether any session reads events of a class: an event nobody reads is not written.
    pub(crate) fn anybody_reads(&self, class: Classes) -> bool {
        self.sessions.values().any(|session| session.mask.intersects(class))
    }

    /// Sends to one session, past its mask.
    pub(crate) fn send(&mut self, id: SessionId, message: Message) {
        let bytes = message.finish();
        self.deliver(id, bytes);
    }

    fn deliver(&mut self, id: SessionId, bytes: Bytes) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if self.faults.stalled {
            session.held.push(bytes);
        } else {
            self.outputs.push_back(Output::Send(id, bytes));
        }
    }

    /// Sends an event to all who read it.
    pub(crate) fn publish(&mut self, message: Message) {
        if !message.is_wanted() {
            return;
        }
        let (class, name) = (message.class(), message.name());
        let copies = self.faults.copies(name);
        let bytes = message.finish();
        let readers: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.mask.intersects(class) && session.lets_through(&bytes))
            .map(|(id, _)| *id)
            .collect();
        for id in readers {
            for _ in 0..copies {
                self.deliver(id, bytes.clone());
            }
        }
    }
}
