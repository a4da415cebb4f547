//! What a PBX said of itself.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_ami::Frame;

use super::{Dialplan, Question};

/// Things of a kind that are kept: a PBX that lists without end fills no memory.
const MAX_ITEMS: usize = 20_000;

/// What a PBX said of itself. Absent is what it did not say; why stands in [`refused`](Self::refused).
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// `22.10.1`, of CoreSettings.
    pub version: Option<String>,
    /// The PBX's clock when it answered, epoch seconds.
    pub clock: Option<f64>,
    /// Actions the user may send, each with its privilege classes; of ListCommands.
    pub commands: BTreeMap<String, BTreeSet<String>>,
    /// Files of the PBX by name and section asked for; no secrets.
    pub files: BTreeMap<(&'static str, Option<String>), ConfigFile>,
    /// PJSIP endpoints and `chan_sip` peers by name.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Where devices are registered.
    pub contacts: Vec<Contact>,
    /// Registrations of the PBX at carriers.
    pub registrations: Vec<Registration>,
    /// Queues of the PBX.
    pub queues: BTreeMap<String, PbxQueue>,
    /// What is loaded.
    pub dialplan: Dialplan,
    /// Names of people by mailbox.
    pub mailboxes: BTreeMap<String, String>,
    /// Parking lots.
    pub parking: Vec<Parking>,
    /// Numbers of live channels.
    pub callers: BTreeSet<String>,
    /// Names of the channel variables that a live channel carried; none: no channel was alive.
    pub chan_variables: Option<BTreeSet<String>>,
    /// The value of `HS_HEARTBEAT`; empty: it was never written.
    pub heartbeat: Option<String>,
    /// Modules that were asked after, and whether they are loaded.
    pub modules: BTreeMap<&'static str, bool>,
    /// Questions that were answered, refusals among them.
    pub answered: BTreeSet<Question>,
    /// Questions that were refused, with the PBX's words.
    pub refused: BTreeMap<Question, String>,
}

/// Whether a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'f> {
    /// Yes.
    Given,
    /// No, and why.
    Refused(&'f str),
    /// It was not asked.
    NotAsked,
}

/// A file of the PBX: sections in order, each with its lines; secrets left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// Name and lines of each section.
    pub sections: Vec<(String, Vec<(String, String)>)>,
}

/// The AMI user's section of `manager.conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Classes of events the user may read.
    pub read: BTreeSet<String>,
    /// Classes of actions the user may send.
    pub write: BTreeSet<String>,
    /// `eventfilter` lines.
    pub filters: Vec<String>,
    /// Whether a `permit` or `deny` says from where it may log in.
    pub restricted: bool,
}

/// A PJSIP endpoint or `chan_sip` peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `PJSIP` or `SIP`.
    pub technology: &'static str,
    /// Where its calls begin.
    pub context: Option<String>,
    /// `"Alice Zhang" <1001>`, as configured.
    pub caller_id: Option<String>,
    /// `Not in use`, `Unavailable`, …
    pub state: Option<String>,
    /// The address it always has; a phone that registers has none.
    pub fixed_contact: Option<String>,
    /// Networks it is recognised by.
    pub identified_by: Vec<String>,
    /// Whether the PBX logs in there.
    pub outbound_auth: bool,
    /// Whether a number from there is believed.
    pub trusted: bool,
    /// Answers go to where a request came from, whatever it says.
    pub rewrites_contact: Option<bool>,
    /// Language of its prompts.
    pub language: Option<String>,
}

/// Where a device is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// The endpoint.
    pub endpoint: String,
    /// `sip:1001@192.0.2.7:5060`.
    pub uri: String,
    /// Where its requests came from, as its own Via says.
    pub via: Option<String>,
    /// `Reachable`, `Unreachable`, `NonQualified`.
    pub status: String,
}

/// The PBX at a carrier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registration {
    /// Its name in the PBX's files.
    pub name: String,
    /// The endpoint it belongs to, where the PBX says so.
    pub endpoint: Option<String>,
    /// `sip:4930555000@carrier`.
    pub client_uri: String,
    /// `Registered`, …
    pub status: String,
}

/// A queue of the PBX.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PbxQueue {
    /// `ringall`, `leastrecent`, …
    pub strategy: String,
    /// Seconds within which calls are to be answered; 0: not set.
    pub service_level: u64,
    /// Who serves it, in order.
    pub members: Vec<Member>,
}

/// Who serves a queue of the PBX.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// What is rung: `PJSIP/1001`, `Local/1001@from-queue/n`.
    pub location: String,
    /// The device that is watched.
    pub device: String,
    /// The name.
    pub name: String,
    /// Lower is rung first.
    pub penalty: u64,
    /// Logs in and out.
    pub dynamic: bool,
}

/// A parking lot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parking {
    /// Its name.
    pub name: String,
    /// First and last space.
    pub spaces: (String, String),
}

impl ConfigFile {
    /// The last value of a key in a section, which is the one that counts.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).pop()
    }

    /// Every value of a key in a section.
    #[must_use]
    pub fn all(&self, section: &str, key: &str) -> Vec<&str> {
        let sections = self.sections.iter().filter(|(name, _)| name == section);
        let lines = sections.flat_map(|(_, lines)| lines);
        lines.filter(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// Of an answer to GetConfig: `Category-000000: general`, `Line-000000-000001: key=value`.
    fn read(frame: &Frame) -> Self {
        let mut sections: Vec<(String, Vec<(String, String)>)> = Vec::new();
        for (key, value) in frame.headers().take(MAX_ITEMS) {
            if key.starts_with("Category-") {
                sections.push((value.to_owned(), Vec::new()));
            } else if key.starts_with("Line-")
                && let Some((name, value)) = value.split_once('=')
                && !is_secret(name)
                && let Some((_, lines)) = sections.last_mut()
            {
                lines.push((name.trim().to_owned(), value.trim_start_matches('>').trim().to_owned()));
            }
        }
        Self { sections }
    }
}

fn is_secret(key: &str) -> bool {
    ["secret", "password", "md5", "key"].iter().any(|word| key.to_ascii_lowercase().contains(word))
}

impl Findings {
    /// Whether a question was answered.
    #[must_use]
    pub fn reply(&self, question: &Question) -> Reply<'_> {
        match self.refused.get(question) {
            Some(why) => Reply::Refused(why),
            None if self.answered.contains(question) => Reply::Given,
            None => Reply::NotAsked,
        }
    }

    /// A file of the PBX, or the section of it that was asked for.
    #[must_use]
    pub fn file(&self, file: &'static str, section: Option<&str>) -> Option<&ConfigFile> {
        self.files.get(&(file, section.map(str::to_owned)))
    }

    /// The AMI user's section, when it could be read.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<User> {
        let file = self.file("manager.conf", Some(name))?;
        file.sections.iter().find(|(section, _)| section == name)?;
        let classes = |key: &str| {
            let lines = file.all(name, key).into_iter().flat_map(|line| line.split(','));
            lines.map(|class| class.trim().to_ascii_lowercase()).filter(|class| !class.is_empty()).collect()
        };
        Some(User {
            read: classes("read"),
            write: classes("write"),
            filters: file.all(name, "eventfilter").into_iter().map(str::to_owned).collect(),
            restricted: ["permit", "deny", "acl"].iter().any(|key| file.get(name, key).is_some()),
        })
    }

    pub(super) fn refused(&mut self, question: &Question, why: &str) {
        // "No Contacts found" is how PJSIP says that a list is empty.
        if why.starts_with("No ") && why.trim_end().ends_with("found") {
            return;
        }
        if let Question::Module(name) = question
            && why == "Module not loaded"
        {
            self.modules.insert(name, false);
            return;
        }
        self.refused.insert(question.clone(), why.to_owned());
    }

    pub(super) fn response(&mut self, question: &Question, frame: &Frame) {
        match question {
            Question::Clock => {
                self.clock = frame.get("Timestamp").and_then(|stamp| stamp.parse().ok());
            }
            Question::Settings => self.version = said(frame, "AsteriskVersion"),
            Question::Commands => {
                let commands = frame.headers().take(MAX_ITEMS).filter_map(|(name, about)| {
                    let (_, classes) = about.rsplit_once("(Priv: ")?;
                    let classes = classes.trim_end().trim_end_matches(')').split(',');
                    Some((name.to_owned(), classes.map(str::to_owned).collect()))
                });
                self.commands = commands.collect();
            }
            Question::Config { file, section } => {
                self.files.insert((file, section.clone()), ConfigFile::read(frame));
            }
            Question::Heartbeat => self.heartbeat = Some(frame.get("Value").unwrap_or_default().to_owned()),
            Question::Module(name) => drop(self.modules.insert(name, true)),
            Question::Endpoints
            | Question::Endpoint(_)
            | Question::Contacts
            | Question::Registrations
            | Question::Peers
            | Question::Queues
            | Question::Dialplan
            | Question::Mailboxes
            | Question::ParkingLots
            | Question::Channels => {}
        }
    }

    pub(super) fn item(&mut self, question: &Question, frame: &Frame) {
        match question {
            Question::Endpoints => self.endpoint(frame),
            Question::Endpoint(name) => self.detail(name, frame),
            Question::Contacts => self.contact(frame),
            Question::Registrations => self.registration(frame),
            Question::Peers => self.peer(frame),
            Question::Queues => self.queue(frame),
            Question::Dialplan => self.dialplan.listed(frame),
            Question::Mailboxes => {
                let (mailbox, name) = (said(frame, "VoiceMailbox"), said(frame, "Fullname"));
                if let (Some(mailbox), Some(name)) = (mailbox, name)
                    && self.mailboxes.len() < MAX_ITEMS
                {
                    self.mailboxes.insert(mailbox, name);
                }
            }
            Question::ParkingLots => {
                let space = |key| said(frame, key).unwrap_or_default();
                let spaces = (space("StartSpace"), space("StopSpace"));
                push(&mut self.parking, Parking { name: space("Name"), spaces });
            }
            Question::Channels => self.channel(frame),
            Question::Clock
            | Question::Settings
            | Question::Commands
            | Question::Config { .. }
            | Question::Heartbeat
            | Question::Module(_) => {}
        }
    }

    fn endpoint(&mut self, frame: &Frame) {
        let Some(name) = said(frame, "ObjectName") else { return };
        if self.endpoints.len() < MAX_ITEMS {
            let endpoint = Endpoint {
                technology: "PJSIP",
                state: said(frame, "DeviceState"),
                outbound_auth: said(frame, "OutboundAuths").is_some(),
                ..Endpoint::default()
            };
            self.endpoints.insert(name, endpoint);
        }
    }

    /// An object that belongs to an endpoint. Of `AuthDetail`, which holds a password, nothing is looked at.
    fn detail(&mut self, name: &str, frame: &Frame) {
        let Some(endpoint) = self.endpoints.get_mut(name) else { return };
        match frame.name() {
            "EndpointDetail" => {
                let is = |key| said(frame, key).map(|value| matches!(&*value, "true" | "yes"));
                endpoint.context = said(frame, "Context");
                endpoint.caller_id = said(frame, "Callerid");
                endpoint.state = said(frame, "DeviceState").or(endpoint.state.take());
                endpoint.outbound_auth |= said(frame, "OutboundAuth").is_some();
                endpoint.trusted = is("TrustIdInbound").unwrap_or(false);
                endpoint.rewrites_contact = is("RewriteContact");
                endpoint.language = said(frame, "Language");
            }
            "AorDetail" if frame.get("ContactsRegistered") == Some("0") => {
                endpoint.fixed_contact = said(frame, "Contacts");
            }
            "IdentifyDetail" => {
                let networks = said(frame, "Match").unwrap_or_default();
                endpoint.identified_by.extend(networks.split(',').map(str::to_owned));
            }
            _ => {}
        }
    }

    fn contact(&mut self, frame: &Frame) {
        let Some(endpoint) = said(frame, "Endpoint") else { return };
        let contact = Contact {
            endpoint,
            uri: said(frame, "Uri").unwrap_or_default(),
            via: said(frame, "ViaAddress"),
            status: said(frame, "Status").unwrap_or_default(),
        };
        push(&mut self.contacts, contact);
    }

    fn registration(&mut self, frame: &Frame) {
        let Some(client_uri) = said(frame, "ClientUri") else { return };
        let registration = Registration {
            name: said(frame, "ObjectName").unwrap_or_default(),
            endpoint: said(frame, "Endpoint"),
            client_uri,
            status: said(frame, "Status").unwrap_or_default(),
        };
        push(&mut self.registrations, registration);
    }

    /// `PeerEntry` of `chan_sip`: `Dynamic: yes` is a phone that registers.
    fn peer(&mut self, frame: &Frame) {
        let Some(name) = said(frame, "ObjectName") else { return };
        if self.endpoints.len() >= MAX_ITEMS {
            return;
        }
        let address = said(frame, "IPaddress").filter(|address| address != "-none-");
        let registers = frame.get("Dynamic") == Some("yes");
        if let (true, Some(address)) = (registers, &address) {
            let uri = format!("sip:{name}@{address}");
            let status = said(frame, "Status").unwrap_or_default();
            push(&mut self.contacts, Contact { endpoint: name.clone(), uri, via: None, status });
        }
        let endpoint = Endpoint {
            technology: "SIP",
            state: said(frame, "Status"),
            caller_id: said(frame, "Description"),
            fixed_contact: address.filter(|_| !registers),
            ..Endpoint::default()
        };
        self.endpoints.entry(name).or_insert(endpoint);
    }

    fn queue(&mut self, frame: &Frame) {
        let Some(name) = said(frame, "Queue").filter(|_| self.queues.len() < MAX_ITEMS) else { return };
        let queue = self.queues.entry(name).or_default();
        let number = |key| frame.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        match frame.name() {
            "QueueParams" => {
                queue.strategy = said(frame, "Strategy").unwrap_or_default();
                queue.service_level = number("ServiceLevel");
            }
            "QueueMember" => {
                let location = said(frame, "Location").unwrap_or_default();
                let member = Member {
                    device: said(frame, "StateInterface").unwrap_or_else(|| location.clone()),
                    location,
                    name: said(frame, "Name").unwrap_or_default(),
                    penalty: number("Penalty"),
                    dynamic: frame.get("Membership") != Some("static"),
                };
                push(&mut queue.members, member);
            }
            _ => {}
        }
    }

    fn channel(&mut self, frame: &Frame) {
        if frame.name() != "CoreShowChannel" {
            return;
        }
        let numbers = ["CallerIDNum", "ConnectedLineNum"].into_iter().filter_map(|key| said(frame, key));
        if self.callers.len() < MAX_ITEMS {
            self.callers.extend(numbers);
        }
        let variables = frame.all("ChanVariable").filter_map(|line| line.split_once('='));
        let seen = self.chan_variables.get_or_insert_default();
        seen.extend(variables.map(|(name, _)| name.to_owned()));
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_ITEMS {
        list.push(item);
    }
}

/// A header that says something.
fn said(frame: &Frame, key: &str) -> Option<String> {
    let value = frame.get(key)?.trim();
    (!matches!(value, "" | "<unknown>" | "(null)" | "N/A")).then(|| value.to_owned())
}
