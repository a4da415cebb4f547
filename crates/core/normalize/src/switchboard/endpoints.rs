//! Which endpoints are phones and which are trunks.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::call::Address;

/// What stands behind an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// One of us.
    Phone,
    /// The world.
    Trunk,
}

/// How many endpoints are remembered beside the configured ones: a PBX has fewer, garbage has more.
const MAX_LEARNT: usize = 20_000;

/// How many contexts are remembered.
const MAX_CONTEXTS: usize = 64;

/// Extensions have at most so many digits; a trunk named by its number has more.
const EXTENSION_DIGITS: std::ops::RangeInclusive<usize> = 2..=6;

/// Knows phones from trunks: by configuration, else by what was seen of them, else by their names.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    configured: BTreeMap<Address, Side>,
    /// Configured trunks, by name without technology.
    trunks: BTreeSet<String>,
    /// Contexts that phones call from.
    contexts: BTreeSet<Box<str>>,
    learnt: BTreeMap<Address, Side>,
}

impl Endpoints {
    pub(crate) fn configure_trunk(&mut self, name: &str) {
        self.trunks.insert(name.to_owned());
    }

    /// A channel of this endpoint was seen in the context that the endpoint calls from. Who shares a context with
    /// phones is one, as long as nothing else is known of it.
    pub(crate) fn seen_in(&mut self, address: &Address, context: &str) {
        let known = self.configured.contains_key(address)
            || self.learnt.contains_key(address)
            || self.trunks.contains(name_of(address));
        if self.side(address) == Side::Phone {
            let new = !context.is_empty() && !self.contexts.contains(context);
            if new && self.contexts.len() < MAX_CONTEXTS {
                self.contexts.insert(context.into());
            }
        } else if !known && self.contexts.contains(context) {
            self.learn(address.clone(), Side::Phone);
        }
    }

    pub(crate) fn configure(&mut self, address: Address, side: Side) {
        self.configured.insert(address, side);
    }

    pub(crate) fn side(&self, address: &Address) -> Side {
        if let Some(side) = self.configured.get(address) {
            return *side;
        }
        if self.trunks.contains(name_of(address)) {
            return Side::Trunk;
        }
        match address.extension() {
            Some(digits) if EXTENSION_DIGITS.contains(&digits.len()) => Side::Phone,
            _ => self.learnt.get(address).copied().unwrap_or(Side::Trunk),
        }
    }

    /// It registered with its own name, as phones do; a trunk has a fixed contact.
    pub(crate) fn registered(&mut self, address: Address) {
        self.learn(address, Side::Phone);
    }

    /// It was dialled: a phone by its bare name, a trunk with a number (`4930…@trunk`, `trunk/sip:4930…@host`).
    pub(crate) fn dialled(&mut self, address: &Address, dial_string: &str) {
        if dial_string.eq_ignore_ascii_case(name_of(address)) {
            self.learn(address.clone(), Side::Phone);
        } else if dialled_number(dial_string).is_some() {
            self.learn(address.clone(), Side::Trunk);
        }
    }

    fn learn(&mut self, address: Address, side: Side) {
        if self.learnt.len() < MAX_LEARNT || self.learnt.contains_key(&address) {
            self.learnt.insert(address, side);
        }
    }
}

/// An address without its technology.
fn name_of(address: &Address) -> &str {
    address.as_str().split_once('/').map_or("", |(_, name)| name)
}

/// The number in a dial string: `4930…@trunk`, `trunk/sip:4930…@host:5060`, `g1/4930…`; none for a phone's name.
pub(crate) fn dialled_number(dial_string: &str) -> Option<&str> {
    let target = match dial_string.split_once('/') {
        Some((_, target)) => target,
        None if dial_string.contains('@') => dial_string,
        None => return None,
    };
    let target = target.split_once(':').map_or(target, |(scheme, rest)| match scheme {
        "sip" | "sips" | "tel" => rest,
        _ => target,
    });
    let number = target.split(['@', ';', '/']).next()?;
    (!number.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_beats_what_a_name_looks_like() {
        let mut endpoints = Endpoints::default();
        assert_eq!(endpoints.side(&Address::new("PJSIP/1001")), Side::Phone);
        assert_eq!(endpoints.side(&Address::new("SIP/49305550")), Side::Trunk);
        assert_eq!(endpoints.side(&Address::new("PJSIP/carrier")), Side::Trunk);
        endpoints.configure(Address::new("PJSIP/1001"), Side::Trunk);
        endpoints.configure(Address::new("PJSIP/alice"), Side::Phone);
        endpoints.configure_trunk("2001");
        assert_eq!(endpoints.side(&Address::new("PJSIP/2001")), Side::Trunk);
        assert_eq!(endpoints.side(&Address::new("PJSIP/1001")), Side::Trunk);
        assert_eq!(endpoints.side(&Address::new("PJSIP/alice")), Side::Phone);
    }

    #[test]
    fn who_calls_from_where_phones_call_from_is_a_phone() {
        let mut endpoints = Endpoints::default();
        let (carrier, carla) = (Address::new("PJSIP/carrier"), Address::new("PJSIP/carla"));
        endpoints.dialled(&carrier, "49301234@carrier");
        endpoints.seen_in(&carla, "from-internal");
        assert_eq!(endpoints.side(&carla), Side::Trunk, "nothing is known of the context");
        endpoints.seen_in(&Address::new("PJSIP/1001"), "from-internal");
        for address in [&carla, &carrier] {
            endpoints.seen_in(address, "from-internal");
        }
        assert_eq!(endpoints.side(&carla), Side::Phone);
        assert_eq!(endpoints.side(&carrier), Side::Trunk, "numbers were dialled through it");
    }

    #[test]
    fn an_endpoint_dialled_by_its_bare_name_is_a_phone() {
        let mut endpoints = Endpoints::default();
        let (bob, carrier) = (Address::new("PJSIP/bob"), Address::new("PJSIP/carrier"));
        endpoints.dialled(&bob, "bob");
        endpoints.dialled(&carrier, "carrier/sip:49301234@10.0.0.1:5060");
        endpoints.dialled(&carrier, "49301234@carrier");
        assert_eq!(endpoints.side(&bob), Side::Phone);
        assert_eq!(endpoints.side(&carrier), Side::Trunk);
    }

    #[test]
    fn the_dialled_number_is_found_in_every_form_of_dial_string() {
        for (dial_string, number) in [
            ("trunk/sip:493012345@127.0.0.2:5070", Some("493012345")),
            ("493012345@trunk", Some("493012345")),
            ("g1/493012345", Some("493012345")),
            ("trunk/+4930", Some("+4930")),
            ("1001", None),
            ("", None),
            ("trunk/", None),
        ] {
            assert_eq!(dialled_number(dial_string), number, "{dial_string}");
        }
    }
}
