//! A switch with phones around it, on a network that the test rules: time is virtual, packets can be lost, doubled and
//! overtaken.

#![allow(dead_code, reason = "each suite uses its part of the stage")]

pub(crate) mod phone;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use hookswitch_media::Clip;
use hookswitch_sip::{Flow, Instant, Limits, Message, Random, parse};
use hookswitch_switch::{
    Command, Event, Line, OrderId, Settings, Switch, Target,
    settings::{Keys, Network, Trunk, User},
};
use phone::Phone;

pub(crate) const REALM: &str = "10.9.9.9";

pub(crate) fn switch_address() -> SocketAddr {
    "10.9.9.9:5060".parse().unwrap()
}

/// One datagram on its way.
struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Bytes,
}

/// What a network does to packets, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// Milliseconds a packet may take longer than the others.
    pub(crate) late: u64,
}

/// Who reads the events and gives orders while time passes.
pub(crate) trait Desk {
    fn event(&mut self, now: Instant, event: Event);
    fn next_deadline(&self) -> Option<Instant>;
    fn tick(&mut self, now: Instant);
    fn next_order(&mut self) -> Option<(OrderId, Command)>;
}

pub(crate) struct Stage {
    pub(crate) desk: Option<Box<dyn Desk>>,
    pub(crate) switch: Switch,
    pub(crate) now: Instant,
    pub(crate) phones: BTreeMap<SocketAddr, Phone>,
    names: BTreeMap<&'static str, SocketAddr>,
    network: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    pub(crate) weather: Weather,
    /// Who takes connections; others refuse them.
    pub(crate) streams: BTreeSet<SocketAddr>,
    /// What was sent by a stream: to whom, and its first line.
    pub(crate) streamed: Vec<String>,
    chance: Random,
    pub(crate) events: Vec<Event>,
    read: usize,
    orders: u128,
    /// What went out beside messages.
    pub(crate) media: Vec<hookswitch_switch::MediaOut>,
    /// Every message that went over the wire: `from>to first line`.
    pub(crate) wire: Vec<String>,
}

/// alice and bob with their phones, dora with two; a trusted carrier, an untrusted one.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new(REALM);
    settings.listen = vec![(hookswitch_sip::Transport::Udp, switch_address())];
    for (name, number) in [("alice", "1001"), ("bob", "1002"), ("dora", "1003")] {
        let user = User {
            password: format!("{name}-secret").into(),
            number: Some(number.into()),
            display: Some(format!("{name} of the house").into()),
            answers: name == "dora",
        };
        settings.users.insert(name.into(), user);
        settings.extensions.insert(number.to_owned(), vec![format!("sip:{name}").parse().unwrap()]);
    }
    let trunk = |name: &str, at: &str, trusted: bool| Trunk {
        name: name.into(),
        from: vec![Network { address: at.parse().unwrap(), prefix: 32 }],
        addresses: vec![format!("sip:{at}:5060").parse().unwrap()],
        account: None,
        keep_alive: None,
        max_calls: None,
        outside: trusted,
        trusted,
    };
    settings.trunks = vec![trunk("carrier", "10.1.0.1", true), trunk("other", "10.1.0.2", false)];
    settings.outside.allow = vec!["+49".to_owned()];
    settings
}

impl Stage {
    /// All phones registered, the carrier there.
    pub(crate) fn new() -> Self {
        Self::with(settings(), 1)
    }

    pub(crate) fn with(settings: Settings, seed: u64) -> Self {
        let switch = Switch::new(settings, &Keys { nonce: [7; 32], seed });
        let mut stage = Self {
            desk: None,
            switch,
            now: Instant::from_micros(1_000_000),
            phones: BTreeMap::new(),
            names: BTreeMap::new(),
            network: BTreeMap::new(),
            sent: 0,
            weather: Weather::default(),
            streams: BTreeSet::new(),
            streamed: Vec::new(),
            chance: Random::new(seed ^ 0xbad),
            events: Vec::new(),
            read: 0,
            orders: 0,
            media: Vec::new(),
            wire: Vec::new(),
        };
        for (name, at) in [
            ("alice", "10.0.0.1:5060"),
            ("bob", "10.0.0.2:5060"),
            ("dora", "10.0.0.3:5060"),
            ("dora-mobile", "10.0.0.4:5060"),
            ("carrier", "10.1.0.1:5060"),
            ("other", "10.1.0.2:5060"),
            ("stranger", "10.2.0.1:5060"),
        ] {
            let at: SocketAddr = at.parse().unwrap();
            let user = name.split('-').next().unwrap();
            stage.names.insert(name, at);
            stage.phones.insert(at, Phone::new(user, at, seed ^ u64::from(at.ip().is_ipv4()) ^ stage.sent));
            stage.sent += 1;
        }
        for name in ["alice", "bob", "dora", "dora-mobile"] {
            stage.phone(name).register(300);
        }
        stage.switch.tick(stage.now);
        stage.wait(1_000);
        stage.told();
        stage
    }

    pub(crate) fn at(&self, name: &str) -> SocketAddr {
        self.names[name]
    }

    /// A phone, to do something with; what it sends goes out with the next passing of time.
    pub(crate) fn phone(&mut self, name: &str) -> &mut Phone {
        let (at, now) = (self.names[name], self.now);
        let phone = self.phones.get_mut(&at).unwrap();
        phone.now = now;
        phone
    }

    pub(crate) fn order(&mut self, command: Command) -> OrderId {
        self.orders += 1;
        let order = OrderId(self.orders);
        self.order_as(order, command);
        order
    }

    pub(crate) fn order_as(&mut self, order: OrderId, command: Command) {
        self.switch.command(self.now, order, command);
        self.collect();
    }

    /// Moves what was sent onto the network, and keeps what was told.
    pub(crate) fn collect(&mut self) {
        self.at_the_desk();
        while let Some(transmit) = self.switch.poll_transmit() {
            if transmit.flow.is_reliable() {
                let first =
                    String::from_utf8_lossy(&transmit.bytes).lines().next().unwrap_or_default().to_owned();
                self.streamed.push(format!("{} {first}", transmit.flow.remote));
                if !self.streams.contains(&transmit.flow.remote) {
                    self.switch.flow_failed(self.now, transmit.flow);
                    continue;
                }
            }
            self.put(transmit.flow.local, transmit.flow.remote, transmit.bytes);
        }
        while let Some(media) = self.switch.poll_media() {
            self.media.push(media);
        }
        while self.switch.poll_question().is_some() {}
        let mut out = Vec::new();
        for (at, phone) in &mut self.phones {
            while let Some(transmit) = phone.poll_transmit() {
                out.push((*at, transmit.flow.remote, transmit.bytes));
            }
        }
        for (from, to, bytes) in out {
            self.put(from, to, bytes);
        }
    }

    /// Events are read and orders carried out until nothing more comes of it.
    pub(crate) fn at_the_desk(&mut self) {
        let now = self.now;
        loop {
            let mut quiet = true;
            while let Some(event) = self.switch.poll_event() {
                if let Some(desk) = &mut self.desk {
                    desk.event(now, event.clone());
                }
                self.events.push(event);
                quiet = false;
            }
            while let Some((order, command)) = self.desk.as_mut().and_then(|desk| desk.next_order()) {
                self.switch.command(now, order, command);
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }

    fn put(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let first = String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
        self.wire.push(format!("{from}>{to} {first}"));
        let copies = if self.chance.next() % 1_000 < self.weather.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.chance.next() % 1_000 < self.weather.lost {
                continue;
            }
            let late = if self.weather.late == 0 { 0 } else { self.chance.next() % self.weather.late };
            self.sent += 1;
            let at = self.now + Duration::from_millis(1 + late);
            self.network.insert((at, self.sent), Packet { from, to, bytes: bytes.clone() });
        }
    }

    fn next(&self) -> Option<Instant> {
        let packet = self.network.first_key_value().map(|((at, _), _)| *at);
        let phones = self.phones.values().filter_map(Phone::next_deadline).min();
        let desk = self.desk.as_ref().and_then(|desk| desk.next_deadline());
        [packet, phones, self.switch.next_deadline(), desk].into_iter().flatten().min()
    }

    /// Lets time pass; everything happens at its moment.
    pub(crate) fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        self.collect();
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.deliver();
            for phone in self.phones.values_mut() {
                phone.now = self.now;
                phone.tick();
            }
            self.switch.tick(self.now);
            if let Some(desk) = &mut self.desk {
                desk.tick(self.now);
            }
            self.collect();
        }
        self.now = until;
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.network.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let packet = entry.remove();
            let message = parse(&packet.bytes, &Limits::default());
            let message =
                message.unwrap_or_else(|bad| panic!("{bad:?}: {}", String::from_utf8_lossy(&packet.bytes)));
            self.hand_over(packet.from, packet.to, message);
            self.collect();
        }
    }

    fn hand_over(&mut self, from: SocketAddr, to: SocketAddr, message: Message) {
        if to == switch_address() {
            self.switch.receive(self.now, Flow::udp(to, from), message);
        } else if let Some(phone) = self.phones.get_mut(&to) {
            phone.now = self.now;
            phone.receive(Flow::udp(to, from), message);
        }
    }

    /// What was told since last asked, in short lines.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let names = Names::of(&self.events);
        let lines = self.events[self.read..].iter().filter_map(|event| names.line(event)).collect();
        self.read = self.events.len();
        lines
    }

    pub(crate) fn check(&mut self, expected: &[&str]) {
        assert_eq!(self.told(), expected);
    }

    /// The call that began last.
    pub(crate) fn call(&self) -> hookswitch_switch::CallId {
        let began = self.events.iter().rev().find_map(|event| match event {
            Event::Began(began) => Some(began.call.clone()),
            _ => None,
        });
        began.expect("a call began")
    }

    /// The last leg that was told of this line.
    pub(crate) fn leg(&self, line: &str) -> hookswitch_switch::LegId {
        let line: String = format!("sip:{line}");
        let seen = self.events.iter().rev().find_map(|event| match event {
            Event::Began(began) if began.line.to_string() == line => Some(began.leg),
            Event::Rings { leg, line: rung, .. } if rung.to_string() == line => Some(*leg),
            _ => None,
        });
        seen.expect("the line was seen")
    }

    pub(crate) fn ring(&mut self, lines: &[&str], secs: u64) -> OrderId {
        let call = self.call();
        let lines = lines.iter().map(|line| format!("sip:{line}").parse().unwrap()).collect();
        self.order(Command::Ring { call, lines, timeout: Duration::from_secs(secs) })
    }

    /// Time for everything to end: then nothing is kept.
    pub(crate) fn all_over(&mut self) {
        self.wait(300_000);
        let load = self.switch.load();
        let empty = hookswitch_switch::Load::default();
        assert_eq!(load, empty, "{:?}", self.switch.calls().collect::<Vec<_>>());
        for phone in self.phones.values() {
            assert_eq!(phone.live(), 0, "{} believes in a call", phone.user);
        }
    }
}

/// A menu, a queue in which something is said, and sounds: `hello` of 1 s, `wrong` and numbers of 0.2 s, `bye` of 0.5 s.
pub(crate) fn spoken() -> hookswitch_switch::settings::Spoken {
    use hookswitch_switch::settings::{Menu, Spoken, Takes};
    let clip = |ms: usize| Arc::new(Clip::linear(&vec![1_000; ms * 8]).unwrap());
    let menu = |takes| Menu {
        prompt: "hello".to_owned(),
        timeout: Duration::from_secs(5),
        attempts: 2,
        invalid: Some("wrong".to_owned()),
        takes,
        otherwise: Some("operator".to_owned()),
        data: "ivr.main".to_owned(),
    };
    let choices = [('1', "sales".to_owned()), ('2', "support".to_owned())].into();
    let sounds = [("hello", 1_000), ("wrong", 200), ("bye", 500), ("place", 300), ("digits/3", 200)];
    Spoken {
        sounds: sounds.into_iter().map(|(name, ms)| (name.to_owned(), clip(ms))).collect(),
        menus: [
            ("main".to_owned(), menu(Takes::Choices(choices))),
            ("account".to_owned(), menu(Takes::Number { digits: 4, early: true })),
        ]
        .into(),
        queues: ["told".to_owned()].into(),
        announce: Arc::new(|_, place, _| place.map_or_else(String::new, |place| format!("place&{place}"))),
    }
}

pub(crate) fn line(text: &str) -> Line {
    text.parse().unwrap()
}

pub(crate) fn number(text: &str) -> Target {
    Target::Number(text.to_owned())
}

/// Short names of calls and legs: calls are 1, 2, …; legs are named by their line, with a dash for each further one.
pub(crate) struct Names {
    calls: Vec<String>,
    legs: BTreeMap<String, String>,
}

impl Names {
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut names = Self { calls: Vec::new(), legs: BTreeMap::new() };
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        for event in events {
            let (leg, line) = match event {
                Event::Began(began) => {
                    names.calls.push(began.call.to_string());
                    (began.leg, &began.line)
                }
                Event::Rings { leg, line, .. } | Event::Supervised { leg, line, .. } => (*leg, line),
                _ => continue,
            };
            let short = match line {
                Line::Trunk(_) => "C".to_owned(),
                line => line.to_string().trim_start_matches("sip:").to_owned(),
            };
            names.legs.entry(leg.to_string()).or_insert_with(|| {
                let count = used.entry(short.clone()).or_default();
                *count += 1;
                format!("{short}{}", "'".repeat(*count - 1))
            });
        }
        names
    }

    fn call(&self, call: &hookswitch_switch::CallId) -> String {
        let at = self.calls.iter().position(|known| known == call.as_str());
        at.map_or_else(|| format!("?{call}"), |at| (at + 1).to_string())
    }

    fn leg(&self, leg: &hookswitch_switch::LegId) -> String {
        self.legs.get(&leg.to_string()).cloned().unwrap_or_else(|| format!("?{leg}"))
    }

    pub(crate) fn line(&self, event: &Event) -> Option<String> {
        let (call, leg) = (|call| self.call(call), |leg| self.leg(leg));
        Some(match event {
            Event::Began(began) => format!(
                "{} started {} {} {} -> {}",
                call(&began.call),
                format!("{:?}", began.direction).to_lowercase(),
                leg(&began.leg),
                began.caller.number,
                began.dialled
            ),
            Event::Waits { call: id, dialled } => format!("{} waits {dialled}", call(id)),
            Event::Rings { call: id, leg: one, number, .. } => {
                let number = number.as_ref().map(|number| format!(" {number}")).unwrap_or_default();
                format!("{} rings {}{number}", call(id), leg(one))
            }
            Event::Up { call: id, leg: one } => format!("{} up {}", call(id), leg(one)),
            Event::Talks { call: id, leg: one } => format!("{} talks {}", call(id), leg(one)),
            Event::Apart { call: id, leg: one } => format!("{} apart {}", call(id), leg(one)),
            Event::Held { call: id, leg: one } => format!("{} holds {}", call(id), leg(one)),
            Event::Retrieved { call: id, leg: one } => format!("{} retrieves {}", call(id), leg(one)),
            Event::Digit { call: id, leg: one, digit } => format!("{} key {digit} of {}", call(id), leg(one)),
            Event::Data { call: id, changed } => {
                let pairs: Vec<_> = changed.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} data {}", call(id), pairs.join(" "))
            }
            Event::Left { call: id, leg: one, end, .. } => format!("{} left {} {end:?}", call(id), leg(one)),
            Event::Moved { from, to, leg: one } => {
                format!("{} gets {} from {}", call(to), leg(one), call(from))
            }
            Event::Transferred { call: id, attended, from, to_leg, to_number, consult } => format!(
                "{} transferred {} {} -> {} ({}){}",
                call(id),
                if *attended { "attended" } else { "blind" },
                leg(from),
                to_leg.as_ref().map(leg).unwrap_or_default(),
                to_number.as_deref().unwrap_or_default(),
                consult.as_ref().map(|consult| format!(" by {}", call(consult))).unwrap_or_default()
            ),
            Event::Conferenced { call: id, legs } => {
                format!("{} conference {}", call(id), legs.iter().map(leg).collect::<Vec<_>>().join(" "))
            }
            Event::Merged { call: id, into } => format!("{} merged into {}", call(id), call(into)),
            Event::Ended { call: id, by, cause } => format!(
                "{} ended by {} {}",
                call(id),
                by.as_ref().map_or_else(|| "nobody".to_owned(), leg),
                cause.as_ref().map_or(0, |cause| cause.q850)
            ),
            Event::RingOver { call: id, outcome, .. } => format!("{} ring {outcome:?}", call(id)),
            Event::Done { refused: Some(refused), .. } => format!("refused: {refused}"),
            Event::Checked { exists, .. } => format!("exists: {exists}"),
            Event::DialFailed { end, .. } => format!("dial failed {end:?}"),
            Event::Supervised { call: id, leg: one, mode, .. } => {
                format!("{} {mode:?} {}", call(id), leg(one))
            }
            Event::Done { refused: None, .. } | Event::User { .. } | Event::Trunk { .. } => return None,
        })
    }
}

pub(crate) fn shared(text: &str) -> Arc<str> {
    text.into()
}
