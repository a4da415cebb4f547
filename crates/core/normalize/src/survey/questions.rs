//! Which actions are sent, in which order, and when a question is answered.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_ami::{Action, Frame, FrameKind};

use super::findings::Findings;

/// Questions that wait for an answer at once: a PBX answers one after the other anyway.
const WINDOW: usize = 8;
/// Endpoints that are looked at one by one.
const MAX_ENDPOINTS: usize = 1_000;
/// Before the number of a question: its ActionID.
const ID: &str = "hookswitch-survey-";

/// What is asked. Each is one action that only lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named after what the answer tells; `action` has the AMI action")]
pub enum Question {
    Clock,
    Settings,
    Commands,
    /// A file of the PBX, or one section of it.
    Config {
        file: &'static str,
        section: Option<String>,
    },
    Endpoints,
    Endpoint(String),
    Contacts,
    Registrations,
    Peers,
    Queues,
    Dialplan,
    Mailboxes,
    ParkingLots,
    Channels,
    Heartbeat,
    Module(&'static str),
}

impl Question {
    fn action(&self) -> Action {
        match self {
            Self::Clock => Action::new("Ping"),
            Self::Settings => Action::new("CoreSettings"),
            Self::Commands => Action::new("ListCommands"),
            Self::Config { file, section } => {
                Action::new("GetConfig").header("Filename", *file).header_if("Category", section.as_deref())
            }
            Self::Endpoints => Action::new("PJSIPShowEndpoints"),
            Self::Endpoint(name) => Action::new("PJSIPShowEndpoint").header("Endpoint", name.as_str()),
            Self::Contacts => Action::new("PJSIPShowContacts"),
            Self::Registrations => Action::new("PJSIPShowRegistrationsOutbound"),
            Self::Peers => Action::new("SIPpeers"),
            Self::Queues => Action::new("QueueStatus"),
            Self::Dialplan => Action::new("ShowDialPlan"),
            Self::Mailboxes => Action::new("VoicemailUsersList"),
            Self::ParkingLots => Action::new("Parkinglots"),
            Self::Channels => Action::new("CoreShowChannels"),
            Self::Heartbeat => Action::new("Getvar").header("Variable", "HS_HEARTBEAT"),
            Self::Module(name) => Action::new("ModuleCheck").header("Module", *name),
        }
    }

    /// Whether events follow the response.
    fn is_list(&self) -> bool {
        match self {
            Self::Clock
            | Self::Settings
            | Self::Commands
            | Self::Config { .. }
            | Self::Heartbeat
            | Self::Module(_) => false,
            Self::Endpoints
            | Self::Endpoint(_)
            | Self::Contacts
            | Self::Registrations
            | Self::Peers
            | Self::Queues
            | Self::Dialplan
            | Self::Mailboxes
            | Self::ParkingLots
            | Self::Channels => true,
        }
    }

    /// What it asks for, for people.
    #[must_use]
    pub fn about(&self) -> String {
        let action = self.action();
        match self {
            Self::Config { file, .. } => format!("{} of {file}", action.name()),
            Self::Endpoint(name) => format!("{} of {name}", action.name()),
            Self::Module(name) => format!("{} of {name}", action.name()),
            Self::Clock
            | Self::Settings
            | Self::Commands
            | Self::Endpoints
            | Self::Contacts
            | Self::Registrations
            | Self::Peers
            | Self::Queues
            | Self::Dialplan
            | Self::Mailboxes
            | Self::ParkingLots
            | Self::Channels
            | Self::Heartbeat => action.name().to_owned(),
        }
    }
}

/// How much is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The AMI user whose section of `manager.conf` is read. None: it is not asked for, because the answer holds the
    /// secret and the wire is in the clear.
    pub own_section: Option<String>,
    /// Modules that are asked after.
    pub modules: Vec<&'static str>,
}

/// A conversation with a PBX. Send what [`next_request`](Self::next_request) gives until there is none, show every
/// frame, and do so until it [`is_done`](Self::is_done).
#[derive(Debug)]
pub struct Survey {
    waiting: VecDeque<Question>,
    open: BTreeMap<u64, Question>,
    asked: u64,
    findings: Findings,
}

impl Survey {
    /// A survey that has asked nothing yet.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let config = |file| Question::Config { file, section: None };
        let section = |file, section: &str| Question::Config { file, section: Some(section.to_owned()) };
        let mut waiting = VecDeque::from([
            Question::Clock,
            Question::Settings,
            Question::Commands,
            section("manager.conf", "general"),
            config("features.conf"),
            config("queues.conf"),
            section("indications.conf", "general"),
            Question::Endpoints,
            Question::Contacts,
            Question::Registrations,
            Question::Peers,
            Question::Queues,
            Question::Dialplan,
            Question::Mailboxes,
            Question::ParkingLots,
            Question::Channels,
            Question::Heartbeat,
        ]);
        waiting.extend(scope.own_section.as_deref().map(|user| section("manager.conf", user)));
        waiting.extend(scope.modules.into_iter().map(Question::Module));
        Self { waiting, open: BTreeMap::new(), asked: 0, findings: Findings::default() }
    }

    /// What is to be sent next; none: wait for answers.
    pub fn next_request(&mut self) -> Option<Action> {
        if self.open.len() >= WINDOW {
            return None;
        }
        let question = self.waiting.pop_front()?;
        self.asked += 1;
        let action = question.action().action_id(format_args!("{ID}{}", self.asked));
        self.open.insert(self.asked, question);
        Some(action)
    }

    /// Takes a frame of the connection; those that answer nothing are passed over.
    pub fn frame(&mut self, frame: &Frame) {
        let number = frame.action_id().and_then(|id| id.strip_prefix(ID)?.parse().ok());
        let Some((number, question)) = number.and_then(|n| Some((n, self.open.get(&n)?.clone()))) else {
            return;
        };
        let over = match frame.kind() {
            FrameKind::Response if frame.is_success() => {
                self.findings.response(&question, frame);
                !question.is_list()
            }
            FrameKind::Response => {
                self.findings.refused(&question, frame.get("Message").unwrap_or("no reason given"));
                true
            }
            FrameKind::Event => {
                let complete = frame.get("EventList") == Some("Complete") || ends_a_list(frame.name());
                if !complete {
                    self.findings.item(&question, frame);
                }
                complete
            }
            FrameKind::Banner | FrameKind::Action | FrameKind::Other => false,
        };
        if over {
            self.open.remove(&number);
            self.findings.answered.insert(question.clone());
            if question == Question::Endpoints {
                self.look_at_endpoints();
            }
        }
    }

    /// What an endpoint's list item does not tell is asked one by one.
    fn look_at_endpoints(&mut self) {
        let names = self.findings.endpoints.keys().take(MAX_ENDPOINTS).cloned();
        self.waiting.extend(names.map(Question::Endpoint));
    }

    /// Whether every question has its answer.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// What was found. Questions without an answer count as refused: time was up.
    #[must_use]
    pub fn findings(mut self) -> Findings {
        for question in self.open.into_values().chain(self.waiting) {
            self.findings.refused(&question, "no answer in time");
        }
        self.findings
    }
}

/// `PeerlistComplete`, `EndpointListComplete`, …
fn ends_a_list(event: &str) -> bool {
    event.ends_with("Complete")
}
