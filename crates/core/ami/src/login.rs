//! The login exchange, without a socket: frames in, actions out.

use std::fmt;

use md5::{Digest, Md5};

use crate::action::Action;
use crate::frame::{Frame, FrameKind};

/// A password. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who logs in, with what, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User of `manager.conf`.
    pub username: String,
    /// Its secret.
    pub secret: Secret,
    /// How the secret is shown to the PBX.
    pub method: LoginMethod,
}

/// How the secret is shown to the PBX.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginMethod {
    /// As it is: only over TLS or loopback.
    Plain,
    /// As `md5hex(challenge + secret)`: the secret does not cross the wire.
    #[default]
    Md5,
}

/// Which events the PBX sends: the fewer, the less it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventMask {
    /// Everything the user's `read` classes allow.
    On,
    /// Nothing.
    Off,
    /// These classes.
    Classes(Vec<EventClass>),
}

/// A privilege class of AMI (`Privilege: call,all`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are Asterisk's own and say all there is")]
pub enum EventClass {
    System,
    Call,
    Log,
    Verbose,
    Agent,
    User,
    Config,
    Dtmf,
    Reporting,
    Cdr,
    Dialplan,
    Originate,
    Agi,
    Cc,
    Aoc,
    Test,
    Security,
    Message,
    Command,
}

impl EventClass {
    /// The class as `manager.conf` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Call => "call",
            Self::Log => "log",
            Self::Verbose => "verbose",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Config => "config",
            Self::Dtmf => "dtmf",
            Self::Reporting => "reporting",
            Self::Cdr => "cdr",
            Self::Dialplan => "dialplan",
            Self::Originate => "originate",
            Self::Agi => "agi",
            Self::Cc => "cc",
            Self::Aoc => "aoc",
            Self::Test => "test",
            Self::Security => "security",
            Self::Message => "message",
            Self::Command => "command",
        }
    }
}

impl fmt::Display for EventMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.write_str("on"),
            Self::Off => f.write_str("off"),
            Self::Classes(classes) => {
                for (position, class) in classes.iter().enumerate() {
                    let comma = if position == 0 { "" } else { "," };
                    write!(f, "{comma}{}", class.as_str())?;
                }
                Ok(())
            }
        }
    }
}

/// What to do after a frame was shown to [`Login`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginStep {
    /// Nothing: the frame was not part of the exchange, or it is over.
    Wait,
    /// Send this.
    Send(Action),
    /// In. `FullyBooted` follows.
    LoggedIn {
        /// Version of the protocol from the banner: `11.0.0` is Asterisk 22, `5.0.4` Asterisk 16.
        version: String,
    },
    /// Out: close the connection.
    Refused(LoginRefused),
}

/// Why the PBX did not let us in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("login refused: {message}")]
pub struct LoginRefused {
    /// What the PBX said, or what was seen instead of an AMI server.
    pub message: String,
    /// What to look at.
    pub hint: &'static str,
}

/// How far the exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Banner,
    Challenge,
    Login,
    Done,
}

/// One login: `banner → [Challenge →] Login → in or out`. Show it every frame until it is [`LoginStep::LoggedIn`]
/// or [`LoginStep::Refused`]; the caller holds the clock and gives up when it takes too long.
#[derive(Debug)]
pub struct Login {
    credentials: Credentials,
    events: EventMask,
    stage: Stage,
    version: String,
}

/// Ids of the two actions of the exchange.
const CHALLENGE_ID: &str = "hookswitch-challenge";
const LOGIN_ID: &str = "hookswitch-login";

impl Login {
    /// A login that has seen nothing yet.
    #[must_use]
    pub fn new(credentials: Credentials, events: EventMask) -> Self {
        Self { credentials, events, stage: Stage::Banner, version: String::new() }
    }

    /// Takes the next frame of the connection.
    pub fn on_frame(&mut self, frame: &Frame) -> LoginStep {
        match self.stage {
            Stage::Banner => self.on_banner(frame),
            Stage::Challenge if is_answer(frame, CHALLENGE_ID) => self.on_challenge(frame),
            Stage::Login if is_answer(frame, LOGIN_ID) => self.on_answer(frame),
            Stage::Challenge | Stage::Login | Stage::Done => LoginStep::Wait,
        }
    }

    fn on_banner(&mut self, frame: &Frame) -> LoginStep {
        if frame.kind() != FrameKind::Banner {
            return self.refuse(
                "no AMI greeting; this is another kind of server",
                "the address must be that of the Asterisk Manager Interface (manager.conf, port 5038, TLS 5039)",
            );
        }
        self.version = frame.name().trim_end().to_owned();
        match self.credentials.method {
            LoginMethod::Plain => {
                let secret = self.credentials.secret.expose().to_owned();
                self.send_login(|login| login.header("Secret", secret))
            }
            LoginMethod::Md5 => {
                self.stage = Stage::Challenge;
                LoginStep::Send(Action::new("Challenge").action_id(CHALLENGE_ID).header("AuthType", "MD5"))
            }
        }
    }

    fn on_challenge(&mut self, frame: &Frame) -> LoginStep {
        match frame.get("Challenge") {
            Some(challenge) if frame.is_success() => {
                let key = challenge_key(challenge, &self.credentials.secret);
                self.send_login(|login| login.header("AuthType", "MD5").header("Key", key))
            }
            _ => self.refuse(
                frame.get("Message").unwrap_or("the challenge was refused"),
                "this server does not offer the challenge; set the plain method, over TLS or loopback only",
            ),
        }
    }

    fn on_answer(&mut self, frame: &Frame) -> LoginStep {
        if !frame.is_success() {
            let message = frame.get("Message").unwrap_or("no reason given").to_owned();
            return self.refuse(
                &message,
                "check username, secret, `permit`/`deny` and `enabled` of the user in manager.conf, then `manager reload`",
            );
        }
        self.stage = Stage::Done;
        LoginStep::LoggedIn { version: std::mem::take(&mut self.version) }
    }

    fn send_login(&mut self, proof: impl FnOnce(Action) -> Action) -> LoginStep {
        self.stage = Stage::Login;
        let login =
            Action::new("Login").action_id(LOGIN_ID).header("Username", self.credentials.username.as_str());
        LoginStep::Send(proof(login).header("Events", self.events.to_string()))
    }

    fn refuse(&mut self, message: &str, hint: &'static str) -> LoginStep {
        self.stage = Stage::Done;
        LoginStep::Refused(LoginRefused { message: message.to_owned(), hint })
    }
}

/// The proof of a challenge: `md5hex(challenge + secret)`.
#[must_use]
pub fn challenge_key(challenge: &str, secret: &Secret) -> String {
    let digest = Md5::new().chain_update(challenge).chain_update(secret.expose()).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The PBX answers in order and nothing else was asked, so an answer without id is ours as well.
fn is_answer(frame: &Frame, id: &str) -> bool {
    frame.kind() == FrameKind::Response && frame.action_id().is_none_or(|given| given == id)
}

#[cfg(test)]
mod tests {

    use super::*;

    fn frame(text: &str) -> Frame {
        Frame::new(text)
    }

    fn login(method: LoginMethod) -> Login {
        let credentials = Credentials { username: "cti".into(), secret: Secret::new("lab-secret"), method };
        Login::new(credentials, EventMask::Classes(vec![EventClass::System, EventClass::Call]))
    }

    fn sent(step: LoginStep) -> Action {
        let LoginStep::Send(action) = step else { panic!("expected an action, got {step:?}") };
        action
    }

    const BANNER: &str = "Asterisk Call Manager/11.0.0\r\n";

    #[test]
    fn plain_login_sends_the_secret_and_the_mask() {
        let mut login = login(LoginMethod::Plain);
        let action = sent(login.on_frame(&frame(BANNER)));
        assert_eq!((action.name(), action.get("Secret")), ("Login", Some("lab-secret")));
        assert_eq!(action.get("Events"), Some("system,call"));
        let answer = frame(
            "Response: Success\r\nActionID: hookswitch-login\r\nMessage: Authentication accepted\r\n\r\n",
        );
        assert_eq!(login.on_frame(&answer), LoginStep::LoggedIn { version: "11.0.0".into() });
        assert_eq!(login.on_frame(&answer), LoginStep::Wait);
    }

    #[test]
    fn md5_login_proves_the_secret_without_sending_it() {
        let mut login = login(LoginMethod::Md5);
        assert_eq!(sent(login.on_frame(&frame(BANNER))).name(), "Challenge");
        let challenge = "Response: Success\r\nActionID: hookswitch-challenge\r\nChallenge: 100000001\r\n\r\n";
        let action = sent(login.on_frame(&frame(challenge)));
        // printf '100000001lab-secret' | md5sum
        assert_eq!(action.get("Key"), Some("11dbb8b753c58e620211373e6222f89f"));
        assert_eq!(action.get("Secret"), None);
    }

    #[test]
    fn a_wrong_secret_is_told_in_the_pbxs_words_with_a_hint() {
        let mut login = login(LoginMethod::Plain);
        let _ = login.on_frame(&frame(BANNER));
        let answer =
            frame("Response: Error\r\nActionID: hookswitch-login\r\nMessage: Authentication failed\r\n\r\n");
        let LoginStep::Refused(refused) = login.on_frame(&answer) else { panic!("refused") };
        assert_eq!(refused.to_string(), "login refused: Authentication failed");
        assert!(refused.hint.contains("manager.conf"));
    }

    #[test]
    fn events_and_answers_to_others_do_not_disturb_the_exchange() {
        let mut login = login(LoginMethod::Plain);
        let _ = login.on_frame(&frame(BANNER));
        assert_eq!(login.on_frame(&frame("Event: FullyBooted\r\n\r\n")), LoginStep::Wait);
        assert_eq!(login.on_frame(&frame("Response: Error\r\nActionID: else\r\n\r\n")), LoginStep::Wait);
        let answer = frame("Response: Success\r\nMessage: Authentication accepted\r\n\r\n");
        assert!(matches!(login.on_frame(&answer), LoginStep::LoggedIn { .. }));
    }

    #[test]
    fn another_kind_of_server_is_named_as_such() {
        let mut login = login(LoginMethod::Plain);
        let step = login.on_frame(&frame("SSH-2.0-OpenSSH_9.2\r\n"));
        assert!(matches!(step, LoginStep::Refused(refused) if refused.message.contains("no AMI greeting")));
    }

    #[test]
    fn a_secret_does_not_print() {
        let shown = format!("{:?}", login(LoginMethod::Plain));
        assert!(shown.contains("cti") && !shown.contains("lab-secret"), "{shown}");
    }
}
