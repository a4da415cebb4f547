//! Who failed too often, and for how long he is not listened to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::time::Instant;

/// When wrong passwords lead to silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// Failures of one name from one source.
    pub failures: u32,
    /// Failures from one source, whatever the names: many phones may stand behind one address.
    pub failures_of_source: u32,
    /// Failures further apart than this do not add up.
    pub window: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// How many names and sources are remembered; the ones that failed longest ago are forgotten first.
    pub entries: usize,
}

impl Default for Lockout {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self { failures: 10, failures_of_source: 100, window: minutes(5), lasts: minutes(5), entries: 10_000 }
    }
}

/// A source: an IPv4 address, or the network an IPv6 host can choose its addresses in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Source(IpAddr);

impl Source {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(ip) => Self(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into()),
            ip @ IpAddr::V4(_) => Self(ip),
        }
    }
}

/// A source, and one name from it or all of them. A name is kept as a hash: as long as it may be, it costs the same.
type Who = (Source, Option<u64>);

#[derive(Debug, Clone, Copy)]
struct Record {
    failures: u32,
    last: Instant,
    until: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Lockouts {
    rules: Lockout,
    records: BTreeMap<Who, Record>,
    by_age: BTreeSet<(Instant, Who)>,
}

impl Lockouts {
    pub(crate) const fn new(rules: Lockout) -> Self {
        Self { rules, records: BTreeMap::new(), by_age: BTreeSet::new() }
    }

    /// How much longer nobody listens to this name from this source.
    pub(crate) fn remaining(&self, now: Instant, source: IpAddr, name: u64) -> Option<Duration> {
        let source = Source::of(source);
        let until = |who| self.records.get(&who).and_then(|record| record.until);
        let until = until((source, Some(name))).max(until((source, None)))?;
        (until > now).then(|| until.since(now))
    }

    /// A wrong password, or a name that is none: the same to us.
    pub(crate) fn failed(&mut self, now: Instant, source: IpAddr, name: u64) {
        let source = Source::of(source);
        self.count(now, (source, Some(name)), self.rules.failures);
        self.count(now, (source, None), self.rules.failures_of_source);
    }

    /// The right password: what failed before was a slip.
    pub(crate) fn succeeded(&mut self, source: IpAddr, name: u64) {
        let who = (Source::of(source), Some(name));
        if let Some(record) = self.records.remove(&who) {
            self.by_age.remove(&(record.last, who));
        }
    }

    fn count(&mut self, now: Instant, who: Who, allowed: u32) {
        let old = self.records.remove(&who);
        if let Some(old) = old {
            self.by_age.remove(&(old.last, who));
        }
        let recent = old.filter(|old| now.since(old.last) <= self.rules.window);
        let failures = recent.map_or(0, |old| old.failures).saturating_add(1);
        let until = (failures >= allowed).then(|| now + self.rules.lasts);
        while self.records.len() >= self.rules.entries.max(2) {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.records.remove(&oldest);
        }
        self.records.insert(who, Record { failures, last: now, until });
        self.by_age.insert((now, who));
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.records.len()
    }
}
