//! What is known of devices: registrations, device states.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_ami::Frame;
use hookswitch_model::{agent::DeviceState, call::Address, pbx::Fact};

use super::{
    Normalizer, Read, Unread,
    headers::{must, said},
};
use crate::switchboard::Switchboard;

/// How many devices are remembered: a PBX has fewer, garbage has more.
const MAX_DEVICES: usize = 20_000;

/// How many contacts of one device are remembered.
const MAX_CONTACTS: usize = 64;

/// What was last said of each device, so that only changes are told.
#[derive(Debug, Default)]
pub(super) struct Devices {
    states: BTreeMap<Address, DeviceState>,
    contacts: BTreeMap<Address, BTreeSet<Box<str>>>,
    /// Contacts from before a lost link, until they are listed again.
    before: BTreeMap<Address, BTreeSet<Box<str>>>,
}

impl Devices {
    fn tell(&mut self, board: &mut Switchboard, address: Address, state: DeviceState) {
        if self.states.get(&address) == Some(&state) {
            return;
        }
        if self.states.len() >= MAX_DEVICES && !self.states.contains_key(&address) {
            return;
        }
        self.states.insert(address.clone(), state);
        board.tell(Fact::Device { address, state });
    }

    /// app_queue's numbers: 1 not in use, 2 in use, 3 busy, 4 invalid, 5 unavailable, 6 ringing, 7 ringing and in
    /// use, 8 on hold.
    pub(super) fn queue_status(&mut self, board: &mut Switchboard, interface: &str, status: &str) {
        let state = match status {
            "1" => DeviceState::Idle,
            "2" | "3" | "7" | "8" => DeviceState::InUse,
            "4" | "5" => DeviceState::Unavailable,
            "6" => DeviceState::Ringing,
            _ => return,
        };
        self.tell(board, Address::new(interface), state);
    }

    /// Names of `DeviceStateChange`, `EndpointList` and `ast_devstate2str`.
    pub(super) fn named_state(&mut self, board: &mut Switchboard, device: &str, state: &str) {
        let same = |text: &str| state.bytes().filter(u8::is_ascii_alphanumeric).eq_by_ignoring_case(text);
        let state = if same("notinuse") {
            DeviceState::Idle
        } else if same("inuse") || same("busy") || same("onhold") || same("ringinuse") {
            DeviceState::InUse
        } else if same("ringing") {
            DeviceState::Ringing
        } else if same("unavailable") || same("invalid") {
            DeviceState::Unavailable
        } else {
            return;
        };
        self.tell(board, Address::new(device), state);
    }

    /// A contact came or went. A device is unavailable without any.
    fn contact(&mut self, board: &mut Switchboard, address: Address, uri: &str, there: bool) {
        if self.contacts.len() >= MAX_DEVICES && !self.contacts.contains_key(&address) {
            return;
        }
        let contacts = self.contacts.entry(address.clone()).or_default();
        if there && contacts.len() < MAX_CONTACTS {
            contacts.insert(uri.into());
        } else if !there {
            contacts.remove(uri);
        }
        let was = self.states.get(&address).copied().unwrap_or_default();
        let state = match (contacts.is_empty(), was) {
            (true, _) => DeviceState::Unavailable,
            (false, DeviceState::Unknown | DeviceState::Unavailable) => DeviceState::Idle,
            (false, DeviceState::Idle | DeviceState::Ringing | DeviceState::InUse) => was,
        };
        self.tell(board, address, state);
    }

    /// Everything known of contacts is asked again.
    pub(super) fn doubt_contacts(&mut self) {
        self.before.append(&mut self.contacts);
    }

    /// The contacts are listed: a device that had some and is not in the list has none.
    pub(super) fn contacts_listed(&mut self, board: &mut Switchboard) {
        for address in std::mem::take(&mut self.before).into_keys() {
            if !self.contacts.contains_key(&address) {
                self.tell(board, address, DeviceState::Unavailable);
            }
        }
    }
}

/// Compares bytes with a text without regard to case.
trait EqIgnoringCase {
    fn eq_by_ignoring_case(self, text: &str) -> bool;
}

impl<I: Iterator<Item = u8>> EqIgnoringCase for I {
    fn eq_by_ignoring_case(self, text: &str) -> bool {
        self.map(|byte| byte.to_ascii_lowercase()).eq(text.bytes())
    }
}

impl Normalizer {
    /// `DeviceStateChange`, where the module is loaded.
    pub(super) fn device_state(&mut self, frame: &Frame) -> Read {
        let device = must(frame, "Device")?;
        // Queue:…, Custom:… and the like are no devices.
        if device.contains('/') {
            self.devices.named_state(&mut self.board, device, must(frame, "State")?);
        }
        Ok(())
    }

    /// `ContactStatus`.
    pub(super) fn contact_status(&mut self, frame: &Frame) -> Read {
        let name = said(frame, "EndpointName").or_else(|| said(frame, "AOR"));
        let name = name.ok_or(Unread::Incomplete)?;
        let there = match must(frame, "ContactStatus")? {
            "Removed" | "Unreachable" => false,
            "Created" | "NonQualified" | "Reachable" | "Updated" => true,
            _ => return Ok(()),
        };
        self.contact(name, said(frame, "URI").unwrap_or_default(), there);
        Ok(())
    }

    /// A contact of a list or of an event.
    pub(super) fn contact(&mut self, name: &str, uri: &str, there: bool) {
        let address = Address::new(&format!("PJSIP/{name}"));
        let user = uri.split_once(':').and_then(|(_, rest)| rest.split_once('@')).map(|(user, _)| user);
        if there && user == Some(name) {
            self.board.endpoints.registered(address.clone());
        }
        self.devices.contact(&mut self.board, address, uri, there);
    }

    /// `PeerStatus`: chan_sip and chan_iax2 say here what PJSIP says in `ContactStatus`.
    pub(super) fn peer_status(&mut self, frame: &Frame) -> Read {
        let peer = must(frame, "Peer")?;
        if peer.starts_with("PJSIP/") {
            return Ok(());
        }
        let there = match must(frame, "PeerStatus")? {
            "Registered" | "Reachable" => true,
            "Unregistered" | "Unreachable" | "Rejected" => false,
            _ => return Ok(()),
        };
        self.devices.contact(&mut self.board, Address::new(peer), "", there);
        Ok(())
    }
}
