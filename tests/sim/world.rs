//! The world: a clock, PBXs with callers and agents, a disk, readers, and a daemon that dies and comes back.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_config::Config;
use hookswitch_model::{ActionId, IdSource, PbxId, Timestamp};
use hookswitch_publish::{Filter, Types};
use hookswitch_sim::{CallIn, Fate, LegId, MILLISECOND, Micros, Mood, Random, Reached, SECOND};

use crate::{
    disk::{self, Beside, Disk, DiskJournal, lock},
    faults::{Fault, Plan},
    life::{Birth, End, Life},
    office::{self, FALLBACK, PBXS, PHONES, Rules},
    points::Points,
    reader::Reader,
    site::Site,
};

#[path = "world/people.rs"] // also where this file is taken in by its path
mod people;

/// When every world begins.
pub(crate) const START: Micros = 1_795_288_704 * SECOND;
/// How long after the last deed nothing is left to heal.
const HEALED_AFTER: Micros = 30 * SECOND;
/// How long after that agents stay at the phone.
const CLOSING: Micros = 60 * SECOND;
/// After the last caller: long enough that the reaper has asked and given up.
const QUIET: Micros = 135 * SECOND;
/// No world lasts longer.
const LONGEST: Micros = 3_600 * SECOND;

/// What is going to happen.
#[derive(Debug, Clone)]
enum Deed {
    Arrive(usize, CallIn),
    Fault(Fault),
    Room,
    Plug(usize, &'static str),
    Register(usize, &'static str),
    Flow(usize),
    Command,
    /// An agent uses the screen.
    Click,
    /// A caller presses a key.
    Press(usize, LegId, char),
    /// Somebody wants something of a call-back.
    Wish,
    /// People outside who are called are in another mood.
    Outside(usize),
}

/// How well the daemon saw one PBX.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// Since when it sees nothing.
    blind_since: Option<Micros>,
    /// What came in is lost though the daemon does not know it yet.
    deceived: bool,
    /// When it saw nothing.
    pub(crate) blind: Vec<(Micros, Micros)>,
}

impl Sight {
    /// One span for spans that overlap or touch: between them there was no time to see anything.
    fn join(&mut self) {
        self.blind.sort_unstable();
        let mut joined: Vec<(Micros, Micros)> = Vec::new();
        for (from, to) in std::mem::take(&mut self.blind) {
            match joined.last_mut() {
                Some((_, end)) if from <= *end + SECOND / 2 => *end = to.max(*end),
                _ => joined.push((from, to)),
            }
        }
        self.blind = joined;
    }
}

/// See the module.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) config: Config,
    rules: Rules,
    pub(crate) now: Micros,
    wall: i64,
    pub(crate) sites: Vec<Site>,
    pub(crate) disk: disk::Shared,
    pub(crate) points: Points,
    pub(crate) life: Option<Life>,
    beside: Option<Beside>,
    torn_snapshot: bool,
    pub(crate) lives: u64,
    rises_at: Option<Micros>,
    next_death: (Micros, bool),
    /// How long it is away after a stop.
    stopped_for: Micros,
    paused_until: Micros,
    busy_until: Micros,
    agenda: BTreeMap<(Micros, u64), Deed>,
    deeds: u64,
    pub(crate) readers: Vec<Reader>,
    pub(crate) sights: Vec<Sight>,
    /// Callers with whose calls an agent did something at the screen, by the references of their legs.
    pub(crate) clicked: BTreeSet<String>,
    /// Keys of data whose taking was confirmed to a client.
    pub(crate) promised: Vec<String>,
    asked: BTreeMap<ActionId, String>,
    ids: IdSource,
    chance: Random,
    pub(crate) fates: Vec<(usize, Fate)>,
    /// Who was called outside.
    pub(crate) reached: Vec<(usize, Reached)>,
    /// Places passed until everybody was gone.
    pub(crate) places: u64,
    /// What must never happen and did, seen while it ran.
    pub(crate) wrong: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64, plan: Plan) -> Self {
        let mut chance = Random::new(seed ^ 0x0077_0a1d);
        let sites = PBXS[..plan.pbxs].iter().enumerate().map(|(place, name)| {
            // The second PBX's clock is an hour ahead of everybody's.
            let offset = place as u64 * 3_600 * SECOND;
            let pbx = office::pbx(seed.wrapping_add(place as u64), START + offset, plan.keys);
            let name = PbxId::new(name).expect("a name");
            Site::new(name, pbx, offset, chance.bits())
        });
        let sites: Vec<Site> = sites.collect();
        let calls = Filter { types: Types::parse("call.*").expect("patterns"), ..Filter::default() };
        let readers = vec![
            Reader::new("diligent", Filter::default(), 1, 900, chance.bits()),
            Reader::new("lazy", Filter::default(), 7, 50, chance.bits()),
            Reader::new("filtered", calls, 3, 300, chance.bits()),
        ];
        let mut world = Self {
            seed,
            config: office::config(plan.rules()),
            rules: plan.rules(),
            now: START,
            wall: 0,
            sights: sites.iter().map(|_| Sight { blind_since: Some(0), ..Sight::default() }).collect(),
            sites,
            disk: Disk::new(seed),
            points: Points::default(),
            life: None,
            beside: None,
            torn_snapshot: false,
            lives: 0,
            rises_at: Some(START),
            next_death: (SECOND, false),
            stopped_for: SECOND,
            paused_until: 0,
            busy_until: 0,
            agenda: BTreeMap::new(),
            deeds: 0,
            readers,
            clicked: BTreeSet::new(),
            promised: Vec::new(),
            asked: BTreeMap::new(),
            ids: IdSource::new(seed ^ 0x0c11_e475),
            chance,
            fates: Vec::new(),
            reached: Vec::new(),
            places: 0,
            wrong: Vec::new(),
            plan,
        };
        world.fill_agenda();
        world
    }

    fn fill_agenda(&mut self) {
        // The daemon is up before the first caller, so that a quiet world has no blind spot.
        let begin = START + 2 * SECOND;
        let mut at = begin;
        for _ in 0..self.plan.callers {
            let site = usize::try_from(self.chance.between(0, self.sites.len() as u64 - 1)).unwrap_or(0);
            let call = self.caller();
            self.plan_deed(at, Deed::Arrive(site, call));
            for _ in 0..self.plan.clicks {
                let after = self.chance.between(500 * MILLISECOND, 12 * SECOND);
                self.plan_deed(at + after, Deed::Click);
            }
            at += self.chance.exponential(self.plan.every);
            if self.chance.chance(200) {
                self.plan_deed(at, Deed::Command);
            }
            if self.plan.keys {
                self.plan_wishes(at);
            }
        }
        for (after, fault) in self.plan.faults.clone() {
            self.plan_deed(begin + after, Deed::Fault(fault));
        }
    }

    fn plan_deed(&mut self, at: Micros, deed: Deed) {
        self.deeds += 1;
        self.agenda.insert((at, self.deeds), deed);
    }

    /// The daemon dies once, after so many places.
    pub(crate) fn doom(&mut self, after: u64, down: Micros, power: bool) {
        self.next_death = (down, power);
        self.points.kill_after(after);
    }

    /// Lives until everybody has gone home and nothing is left to be found out.
    pub(crate) fn run(&mut self) {
        let mut quiet_since = None;
        let mut healed = false;
        let mut closes_at = 0;
        let mut last_deed = self.now;
        while self.wrong.is_empty() {
            self.step();
            if !self.agenda.is_empty() {
                last_deed = self.now;
            } else if self.now > last_deed + HEALED_AFTER && !healed {
                healed = true;
                closes_at = self.now + CLOSING;
                self.places = self.points.passed();
                self.points.spare();
                if self.plan.keys {
                    self.everybody_works();
                }
            }
            if healed && self.plan.clicks > 0 && self.now > closes_at {
                self.go_home();
                closes_at = self.now + CLOSING;
            }
            let gone = healed && self.is_quiet();
            quiet_since = if gone { quiet_since.or(Some(self.now)) } else { None };
            if quiet_since.is_some_and(|since| self.now > since + QUIET) && self.life.is_some() {
                break;
            }
            if self.now > START + LONGEST {
                self.wrong.push("it does not come to an end".to_owned());
            }
        }
        for (place, site) in self.sites.iter_mut().enumerate() {
            self.fates.extend(site.pbx.take_fates().into_iter().map(|fate| (place, fate)));
            self.reached.extend(site.pbx.take_reached().into_iter().map(|reached| (place, reached)));
        }
        for (sight, now) in self.sights.iter_mut().zip(std::iter::repeat(self.now)) {
            sight.blind.extend(sight.blind_since.map(|since| (since, now)));
            sight.join();
        }
        if let Some(life) = &self.life {
            let journal = life.reader();
            for reader in &mut self.readers {
                if !reader.is_connected() {
                    reader.connect(&journal);
                }
                reader.catch_up();
            }
        }
    }

    /// Nobody is on any line, and nobody is to be called back any more.
    fn is_quiet(&self) -> bool {
        let promised = self.life.as_ref().is_some_and(|life| {
            let mut callbacks = life.machine().engine().callbacks();
            callbacks.any(|callback| !callback.state.is_over())
        });
        !promised && self.sites.iter().all(|site| site.pbx.channel_count() == 0)
    }

    /// Whether the daemon was blind for a PBX in some part of a time, which is that PBX's.
    pub(crate) fn is_blind(&self, place: usize, from: Micros, to: Micros) -> bool {
        let site = &self.sites[place];
        let (from, to) = (site.world_time(from), site.world_time(to));
        let mut blind = self.sights[place].blind.iter();
        blind.any(|(since, until)| *since <= to + SECOND && from <= *until + SECOND)
    }

    /// The day is over: agents who consulted each other and talk on hang up.
    fn go_home(&mut self) {
        for site in &mut self.sites {
            let at = site.time(self.now);
            for phone in PHONES.iter().chain([&FALLBACK]) {
                for leg in site.pbx.legs_of(phone) {
                    site.pbx.hang_up(at, leg);
                }
            }
        }
    }

    fn step(&mut self) {
        self.now = self.next_time();
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= self.now
        {
            let deed = entry.remove();
            self.perform(deed);
        }
        for site in &mut self.sites {
            site.deliver(self.now);
        }
        self.live();
        self.watch();
    }

    fn next_time(&self) -> Micros {
        let free_at = self.busy_until.max(self.paused_until);
        let reads = self.sites.iter().filter_map(Site::next_read);
        let daemon = match &self.life {
            Some(life) => reads.chain([life.next_deadline()]).min().map(|at| at.max(free_at)),
            None => self.rises_at,
        };
        let deed = self.agenda.keys().next().map(|(at, _)| *at);
        let sites = self.sites.iter().filter_map(Site::next_deadline).min();
        // A wake-up that finds nothing to do must not stop the clock.
        let next = [daemon, deed, sites].into_iter().flatten().min().unwrap_or(self.now + SECOND);
        next.clamp(self.now + 10, self.now + SECOND)
    }

    /// The daemon's turn, or its birth, or its death.
    fn live(&mut self) {
        if self.life.is_none() && self.rises_at.is_some_and(|at| at <= self.now) {
            self.rise();
        }
        if self.now < self.busy_until.max(self.paused_until) {
            return;
        }
        let Some(life) = &mut self.life else { return };
        let outcome = life.turn(self.now, &mut self.sites);
        self.busy_until = self.now
            + match self.chance.between(0, 19) {
                0 => self.chance.between(5 * MILLISECOND, 60 * MILLISECOND),
                _ => self.chance.between(100, 2 * MILLISECOND),
            };
        for (answer, durable) in std::mem::take(&mut life.answers) {
            let key = self.asked.remove(&answer.command);
            if durable && answer.result.is_ok() {
                self.promised.extend(key);
            }
        }
        if let Err(end) = outcome {
            self.die(end);
            return;
        }
        for reader in &mut self.readers {
            if !reader.is_connected() && self.chance.chance(300) {
                reader.connect(&life.reader());
            }
            reader.turn();
        }
    }

    fn rise(&mut self) {
        self.rises_at = None;
        self.lives += 1;
        let wall = self.now.saturating_add_signed(self.wall * i64::try_from(SECOND).unwrap_or(0));
        let journal = DiskJournal::open(&self.disk, &self.points, self.beside.as_ref(), self.torn_snapshot);
        self.torn_snapshot = false;
        self.beside = Some(journal.beside());
        let birth = Birth {
            now: self.now,
            wall,
            journal: Box::new(journal),
            config: &self.config,
            points: &self.points,
            seed: self.seed,
            held_bytes: self.plan.held_bytes,
        };
        match Life::begin(birth) {
            Ok(life) => self.life = Some(life),
            Err(end) => self.die(end),
        }
    }

    fn die(&mut self, end: End) {
        if let End::Failed(why) = &end {
            self.wrong.push(format!("life {} ended by itself: {why}", self.lives));
            return;
        }
        let (down, power) = match end {
            End::Stopped => (self.stopped_for, false),
            End::Killed | End::Failed(_) => self.next_death,
        };
        self.points.take_death();
        if let Some(life) = self.life.take()
            && let Some(degraded) = life.machine().degraded()
        {
            // Nothing was written since the disk was full: nothing of it is known any more, as is stated.
            let since = life.world_time(degraded.since);
            self.sights.iter_mut().for_each(|sight| sight.blind.push((since, self.now)));
        }
        self.asked.clear();
        lock(&self.disk).cut();
        for site in &mut self.sites {
            if power {
                // Its machine is dark: the PBX keeps writing to nobody.
                site.half_open(self.now);
            }
            site.abandon();
        }
        for reader in &mut self.readers {
            reader.disconnect();
        }
        self.rises_at = Some(self.now + down.max(MILLISECOND));
        self.paused_until = 0;
    }

    /// Notes when the daemon sees which PBX.
    fn watch(&mut self) {
        for (place, sight) in self.sights.iter_mut().enumerate() {
            let up = self.life.as_ref().is_some_and(|life| life.is_up(place));
            sight.deceived &= up;
            match (up && !sight.deceived, sight.blind_since) {
                (true, Some(since)) => {
                    sight.blind.push((since, self.now));
                    sight.blind_since = None;
                }
                (false, None) => sight.blind_since = Some(self.now),
                (true, None) | (false, Some(_)) => {}
            }
        }
    }

    fn perform(&mut self, deed: Deed) {
        let now = self.now;
        match deed {
            Deed::Arrive(site, call) if now < self.sites[site].down_until => {
                self.plan_deed(self.sites[site].down_until, Deed::Arrive(site, call));
            }
            Deed::Arrive(site, call) => {
                let at = self.sites[site].time(now);
                let leg = self.sites[site].pbx.call_in(at, call);
                if self.plan.keys {
                    self.will_press(site, leg);
                }
            }
            Deed::Fault(fault) => self.fault(fault),
            Deed::Room => lock(&self.disk).full = false,
            Deed::Plug(site, phone) => self.sites[site].pbx.set_mood(phone, office::human()),
            Deed::Register(site, phone) => {
                let at = self.sites[site].time(now);
                self.sites[site].pbx.register(at, phone);
            }
            Deed::Flow(site) => {
                let at = self.sites[site].time(now);
                self.sites[site].pbx.stall(at, false);
            }
            Deed::Command => self.command(),
            Deed::Click => self.click(),
            Deed::Press(site, caller, key) => {
                let at = self.sites[site].time(now);
                self.sites[site].pbx.digits(at, caller, &key.to_string());
            }
            Deed::Wish => self.wish(),
            Deed::Outside(site) => self.mood_outside(site),
        }
    }

    fn fault(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::Kill { after, down, power } => {
                if self.life.is_some() {
                    self.doom(after, down, power);
                }
            }
            Fault::DiskFull { span } => {
                lock(&self.disk).full = true;
                self.plan_deed(now + span, Deed::Room);
            }
            Fault::Jump { seconds } => self.wall += seconds,
            Fault::Cut { site } => {
                self.sights[site].deceived = true;
                self.sites[site].cut(now);
            }
            Fault::CutAfter { site, messages } => {
                let site = &mut self.sites[site];
                site.cut_at = Some(site.messages + messages);
            }
            Fault::HalfOpen { site, span } => {
                self.sights[site].deceived = true;
                self.sites[site].half_open(now + span);
            }
            Fault::Duplicate { site, event, count } => self.sites[site].pbx.duplicate_next(event, count),
            Fault::Lose { site, event } => self.sites[site].pbx.lose_next(event, 1),
            Fault::Restart { site, graceful, down } => {
                self.sights[site].deceived = true;
                let site = &mut self.sites[site];
                // A second at least: Asterisk's ids of channels begin with the second of their start.
                let down = down.max(SECOND);
                site.down_until = now + down;
                site.pbx.restart(site.time(now), graceful, down);
            }
            Fault::ForgetHangup { site } | Fault::Vanish { site } => self.strike_a_caller(site, fault),
            Fault::Unplug { site, phone, span } => {
                self.sites[site].pbx.set_mood(phone, Mood::Dead);
                self.plan_deed(now + span, Deed::Plug(site, phone));
            }
            Fault::Unregister { site, phone, span } => {
                let at = self.sites[site].time(now);
                self.sites[site].pbx.unregister(at, phone);
                self.plan_deed(now + span, Deed::Register(site, phone));
            }
            Fault::Stall { site, span } => {
                let at = self.sites[site].time(now);
                self.sites[site].pbx.stall(at, true);
                // What is held back is lost when the link is given up meanwhile.
                self.sights[site].blind.push((now, now + span));
                self.plan_deed(now + span, Deed::Flow(site));
            }
            Fault::Pause { span } => {
                self.paused_until = now + span;
                self.sights.iter_mut().for_each(|sight| sight.blind.push((now, now + span)));
            }
            Fault::Snapshot { torn } => {
                if let Some(life) = &mut self.life {
                    life.snapshot(now);
                    self.torn_snapshot = torn;
                }
            }
            Fault::ReaderLost { reader } => self.readers[reader].disconnect(),
            Fault::Stop { down } => self.stop(down),
            Fault::Reload => self.reload(),
        }
    }

    /// The daemon is told to stop, and is back after this time.
    fn stop(&mut self, down: Micros) {
        let id = self.ids.next(Timestamp::from_micros(self.now));
        if let Some(life) = &mut self.life {
            self.stopped_for = down;
            life.stop(id);
        }
    }

    /// Another configuration takes over, or the first one again.
    fn reload(&mut self) {
        self.rules.changed ^= true;
        self.config = office::config(self.rules);
        self.life.iter_mut().for_each(|life| life.reload(&self.config));
    }

    fn strike_a_caller(&mut self, site: usize, fault: Fault) {
        let callers = self.sites[site].pbx.live_callers();
        if callers.is_empty() {
            return;
        }
        let unlucky = callers[usize::try_from(self.chance.bits()).unwrap_or(usize::MAX) % callers.len()];
        let site = &mut self.sites[site];
        let at = site.time(self.now);
        match fault {
            Fault::Vanish { .. } => site.pbx.vanish(at, unlucky),
            _ => site.pbx.forget_hangup(unlucky),
        }
    }
}
