//! Lists after a login: what is there is compared with what was believed.

use hookswitch_ami::{Action, EventName, Frame};
use hookswitch_model::{Millis, Timestamp, pbx::Fact, setup::Mode};

use super::{
    Normalizer, Read, Unread, control,
    headers::{self, must, said},
    queues,
};

/// How long the lists may take; `LinkUp` is then told with what came.
const PATIENCE: Millis = Millis::from_secs(10);

/// The context of the generated dialplan in which callers wait.
pub(super) const WAITING_ROOM: &str = "hookswitch-wait";

/// The context of the generated dialplan with the menus.
pub(super) const MENUS: &str = "hookswitch-menu";

/// The context of the generated dialplan for callers whom nobody decides about, and how all of its contexts begin.
const FALLBACK: &str = "hookswitch-fallback";
const OURS: &str = "hookswitch";

/// Two boots of a PBX are the same when they lie this close together: uptime comes in whole seconds.
const SAME_BOOT: Millis = Millis::from_secs(5);

/// A list that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Request {
    Bridges,
    Channels,
    Queues,
    Contacts,
    Endpoints,
}

const REQUESTS: [(Request, &str, &str); 5] = [
    // Bridges before channels: a channel's item names its bridge, the bridge's item says what kind it is.
    (Request::Bridges, "BridgeList", "bridges"),
    (Request::Channels, "CoreShowChannels", "channels"),
    (Request::Queues, "QueueStatus", "queues"),
    (Request::Contacts, "PJSIPShowContacts", "contacts"),
    (Request::Endpoints, "PJSIPShowEndpoints", "endpoints"),
];

/// The comparison that is under way, and what outlives it.
#[derive(Debug, Default)]
pub(super) struct Listing {
    version: String,
    /// Counted up with each login: answers to an older one are not taken.
    round: u64,
    open: Vec<Request>,
    due: Option<Timestamp>,
    /// The list of channels came whole.
    whole: bool,
    /// Since when nothing was seen.
    gap_from: Option<Timestamp>,
    booted: Option<Timestamp>,
    restarted: bool,
    holding: Vec<Box<str>>,
    /// Callers in our waiting room.
    waiting: Vec<Box<str>>,
    /// Callers in our menus.
    in_menu: Vec<Box<str>>,
    /// Customers who are held by our doing, or came back to who held them without us.
    held: Vec<(Box<str>, bool)>,
    /// Channels in the fallback, or in a dialplan that is none of ours.
    away: Vec<Box<str>>,
    /// Callers in a voicemail box.
    in_voicemail: Vec<Box<str>>,
}

impl Listing {
    pub(super) fn begin(&mut self, at: Timestamp, banner: &str) -> Vec<Action> {
        self.version = banner.to_owned();
        self.round += 1;
        self.due = Some(at + PATIENCE);
        self.whole = false;
        self.restarted = false;
        self.holding.clear();
        self.waiting.clear();
        self.in_menu.clear();
        self.held.clear();
        self.away.clear();
        self.in_voicemail.clear();
        self.open = REQUESTS.iter().map(|(request, ..)| *request).collect();
        REQUESTS.iter().map(|(_, action, id)| Action::new(*action).action_id(self.id(id))).collect()
    }

    pub(super) fn lost(&mut self, at: Timestamp) {
        self.due = None;
        self.open.clear();
        self.gap_from.get_or_insert(at);
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.due
    }

    fn id(&self, name: &str) -> String {
        format!("hs-list-{}-{name}", self.round)
    }

    pub(super) fn request(&self, id: &str) -> Option<Request> {
        let (round, name) = id.strip_prefix("hs-list-")?.split_once('-')?;
        (round.parse() == Ok(self.round)).then_some(())?;
        REQUESTS.iter().find(|(.., known)| *known == name).map(|(request, ..)| *request)
    }

    fn close(&mut self, request: Request) -> bool {
        self.open.retain(|open| *open != request);
        self.due.is_some() && self.open.is_empty()
    }
}

impl Normalizer {
    /// The PBX does not give a list: not loaded, not allowed. The others have to do.
    pub(super) fn list_refused(&mut self, request: Request) {
        if self.listing.close(request) {
            self.listed();
        }
    }

    /// An item of a list, or its end.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only list items come here")]
    pub(super) fn list_item(&mut self, frame: &Frame) -> Read {
        let Some(id) = frame.action_id() else { return Ok(()) };
        if let Some(uid) = Self::variables_asked(id).or_else(|| frame.get("Uniqueid"))
            && matches!(frame.event(), EventName::Status | EventName::StatusComplete)
        {
            if frame.event() == EventName::Status {
                return self.variables(frame);
            }
            self.variables_are_in(uid);
            return Ok(());
        }
        let Some(request) = self.listing.request(id) else { return self.overheard(frame) };
        match frame.event() {
            EventName::BridgeListItem => {
                if frame.get("BridgeTechnology") == Some("holding_bridge") {
                    self.listing.holding.push(must(frame, "BridgeUniqueid")?.into());
                }
            }
            EventName::CoreShowChannel => self.listed_channel(frame)?,
            EventName::QueueEntry => {
                if let (Some(uid), Ok(_)) = (frame.get("Uniqueid"), must(frame, "Queue")) {
                    self.listed_entry(frame, uid)?;
                }
            }
            EventName::QueueMember => {
                let status = frame.get("Status").unwrap_or_default();
                self.devices.queue_status(&mut self.board, queues::member(frame)?, status);
            }
            EventName::ContactList => {
                let name = said(frame, "Endpoint").ok_or(Unread::Incomplete)?;
                let there = frame.get("Status") != Some("Unreachable");
                self.contact(name, said(frame, "Uri").unwrap_or_default(), there);
            }
            EventName::EndpointList => {
                let device = format!("PJSIP/{}", must(frame, "ObjectName")?);
                self.devices.named_state(&mut self.board, &device, must(frame, "DeviceState")?);
            }
            _ => {
                self.listing.whole |= request == Request::Channels;
                if request == Request::Contacts {
                    self.devices.contacts_listed(&mut self.board);
                }
                if self.listing.close(request) {
                    self.listed();
                }
            }
        }
        Ok(())
    }

    /// A list that somebody else asked for, as a recording shows it: channels not known yet are taken from it.
    /// Nothing is concluded from what it lacks.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other lists are of no use to an onlooker")]
    fn overheard(&mut self, frame: &Frame) -> Read {
        match frame.event() {
            EventName::BridgeListItem if frame.get("BridgeTechnology") == Some("holding_bridge") => {
                self.listing.holding.push(must(frame, "BridgeUniqueid")?.into());
            }
            EventName::CoreShowChannel => self.listed_channel(frame)?,
            EventName::CoreShowChannelsComplete if self.listing.due.is_none() => {
                self.board.compared(false);
            }
            EventName::QueueEntry => self.listed_entry(frame, must(frame, "Uniqueid")?)?,
            EventName::QueueStatusComplete if self.listing.due.is_none() => {
                self.board.compared(false);
            }
            _ => {}
        }
        Ok(())
    }

    /// A channel that lives. What events said of it since the login is newer than the list.
    fn listed_channel(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        let fresh = self.board.topology.get(uid).is_some_and(|channel| !channel.stale);
        if fresh {
            return Ok(());
        }
        let uid = self.see_channel(frame, uid)?;
        if let Some((consult, consults)) = control::consultation(frame) {
            self.board.found_in_consultation(&uid, consult, consults);
        }
        let bridge = said(frame, "BridgeId");
        let holding =
            bridge.is_some_and(|bridge| self.listing.holding.iter().any(|known| **known == *bridge));
        let progress = headers::progress(frame);
        match (frame.get("Context"), frame.get("Exten")) {
            (Some(WAITING_ROOM), _) => self.listing.waiting.push(uid.as_str().into()),
            (Some(MENUS), _) => self.listing.in_menu.push(uid.as_str().into()),
            (Some("hookswitch-held"), _) if bridge.is_none() => {
                self.listing.held.push((uid.as_str().into(), true));
            }
            (Some("hookswitch-talk"), Some("customer")) => {
                self.listing.held.push((uid.as_str().into(), false));
            }
            (Some("hookswitch-supervised"), _) => self.board.is_no_party(uid.as_str()),
            (Some(context), _) if context == FALLBACK || !context.starts_with(OURS) => {
                self.listing.away.push(uid.as_str().into());
            }
            _ => {}
        }
        if let Some(call) = control::begun(frame) {
            let numbers = control::shown_number(frame, &self.board.settings.plan);
            self.board.begun_unseen.push((uid.clone(), call, numbers));
        }
        if bridge.is_none() && frame.get("Application") == Some("VoiceMail") {
            self.listing.in_voicemail.push(uid.as_str().into());
        }
        self.board.found(&uid, progress, bridge.map(|bridge| (bridge, holding)));
        Ok(())
    }

    /// A caller in a queue.
    fn listed_entry(&mut self, frame: &Frame, uid: &str) -> Read {
        let position = headers::number(frame, "Position").unwrap_or(1);
        let queue = queues::queue(frame)?;
        self.board.found_in_queue(uid, queue, position);
        Ok(())
    }

    /// All lists are in, or time is up: what is believed and was not found is gone.
    pub(super) fn listed(&mut self) {
        self.listing.due = None;
        self.listing.open.clear();
        for (uid, held) in std::mem::take(&mut self.listing.held) {
            self.board.found_held(&uid, held);
        }
        let before = self.board.out.len();
        for uid in std::mem::take(&mut self.listing.away) {
            self.board.found_away(&uid);
        }
        self.board.compared(self.listing.whole);
        for uid in std::mem::take(&mut self.listing.in_voicemail) {
            self.board.found_served(&uid, "voicemail");
        }
        for uid in std::mem::take(&mut self.listing.in_menu) {
            self.board.found_in_menu(&uid);
        }
        let changed = self.board.changed_since(before);
        self.board.unlisted = false;
        let ours = self.board.settings.mode == Mode::Route;
        for uid in std::mem::take(&mut self.listing.waiting).into_iter().filter(|_| ours) {
            self.board.recovered = true;
            if self.board.found_waiting(&uid) {
                self.ask_variables(&uid);
            }
            self.board.recovered = false;
        }
        let gap_from = self.listing.gap_from.take();
        self.board.tell(Fact::LinkUp {
            version: std::mem::take(&mut self.listing.version),
            restarted: std::mem::take(&mut self.listing.restarted),
            gap_from,
            recovered_calls: changed,
        });
    }

    /// `FullyBooted`: by its uptime a restart is told from a mere reconnect.
    pub(super) fn fully_booted(&mut self, frame: &Frame) -> Read {
        let Some(uptime) = headers::number::<u64>(frame, "Uptime") else { return Ok(()) };
        let now = self.board.now;
        let booted = Timestamp::from_micros(now.as_micros().saturating_sub(uptime.saturating_mul(1_000_000)));
        let before = self.listing.booted.replace(booted).or_else(|| self.board.oldest_belief());
        if before.is_some_and(|before| booted > before + SAME_BOOT) {
            self.listing.restarted = true;
        }
        Ok(())
    }
}
