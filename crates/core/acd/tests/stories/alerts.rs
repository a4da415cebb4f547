//! Alerts of queues: raised once, cleared once, and what they are beside any history.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_acd::{Engine, Snapshot};
use hookswitch_model::{
    AlertId, Millis, Timestamp,
    agent::AgentState,
    alert::{Alert, Figure},
    event::EventKind,
    input::Input,
    pbx::Action,
    queue::Queue,
    setup::{AlertSetup, Mode, Setup},
};

use crate::stage::{self, World, queue};

fn limit(figure: Figure, raise: f64) -> AlertSetup {
    AlertSetup { figure, raise, clear: raise, after: Millis(0), hold: Millis::from_secs(30) }
}

fn setup(limits: &[AlertSetup]) -> Setup {
    Setup { alerts: [(queue("support"), limits.to_vec())].into(), ..stage::setup(Mode::Route) }
}

/// Nobody is ready in a world with these limits.
fn watched(limits: &[AlertSetup]) -> World {
    let mut w = World::with(setup(limits));
    for agent in ["alice", "bob"] {
        w.set_state(agent, AgentState::NotReady, None);
    }
    w.told();
    w
}

/// What was told of alerts since the last look.
fn alerts(w: &mut World) -> Vec<String> {
    w.told().into_iter().filter(|line| line.starts_with("alert ")).collect()
}

fn told(w: &World) -> Vec<(Timestamp, Queue, Alert, bool)> {
    let told = w.events.iter().filter_map(|event| match &event.kind {
        EventKind::QueueAlert { queue, alert, raised } => {
            Some((event.at, (**queue).clone(), alert.clone(), *raised))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn a_caller_who_waits_too_long_raises_an_alert_to_the_moment_and_it_is_explained_by_figures() {
    let mut w = watched(&[limit(Figure::LongestWait, 60.0)]);
    w.queued("c", "5003");
    w.wait(59_999);
    assert_eq!(alerts(&mut w), [""; 0]);
    w.wait(1);
    assert_eq!(alerts(&mut w), ["alert support longest_wait raised"]);
    w.wait(600_000);
    w.hangs_up("c");
    w.wait(29_999);
    assert_eq!(alerts(&mut w), [""; 0], "once, and not over yet");
    w.wait(1);
    assert_eq!(alerts(&mut w), ["alert support longest_wait cleared"]);
    let [(raised_at, then, raised, true), (_, now, cleared, false)] = &told(&w)[..] else { panic!() };
    assert_eq!((raised.value, raised.limit, raised.since), (Some(60.0), 60.0, *raised_at));
    assert_eq!((then.waiting, then.longest_wait_s, &then.alerts), (1, 60, &vec![raised.clone()]));
    assert_eq!((cleared.id, cleared.since, cleared.value), (raised.id, raised.since, Some(0.0)));
    assert_eq!((now.waiting, &now.alerts), (0, &vec![]));
}

#[test]
fn a_figure_that_swings_about_its_limit_is_told_once() {
    let mut w = watched(&[AlertSetup { clear: 2.0, ..limit(Figure::Waiting, 3.0) }]);
    for n in 0..3 {
        w.queued(&format!("c{n}"), "5003");
    }
    assert_eq!(alerts(&mut w), ["alert support waiting raised"]);
    for n in 3..20 {
        w.hangs_up(&format!("c{}", n - 1));
        w.wait(29_000);
        w.queued(&format!("c{n}"), "5003");
        w.wait(1_000);
    }
    w.hangs_up("c19");
    w.wait(300_000);
    assert_eq!(alerts(&mut w), [""; 0], "two wait: not yet fewer than two");
    w.hangs_up("c0");
    w.wait(30_000);
    assert_eq!(alerts(&mut w), ["alert support waiting cleared"]);
}

#[test]
fn what_has_to_last_is_not_told_before() {
    let after = Millis::from_secs(60);
    let mut w = watched(&[AlertSetup { after, ..limit(Figure::AgentsReady, 1.0) }]);
    w.wait(50_000);
    w.set_state("alice", AgentState::Ready, None);
    w.wait(5_000);
    w.set_state("alice", AgentState::NotReady, None);
    w.wait(59_000);
    assert_eq!(alerts(&mut w), [""; 0], "the minute begins anew");
    w.wait(1_000);
    assert_eq!(alerts(&mut w), ["alert support agents_ready raised"]);
    for agent in ["alice", "bob"] {
        w.set_state(agent, AgentState::LoggedOut, None);
    }
    w.wait(30_000);
    assert_eq!(alerts(&mut w), ["alert support agents_ready cleared"], "at night nobody is missed");
}

#[test]
fn a_service_level_of_a_few_calls_says_nothing() {
    let mut w = watched(&[limit(Figure::ServiceLevel, 0.8), limit(Figure::Abandoned, 12.0)]);
    for n in 0..9 {
        w.queued(&format!("c{n}"), "5003");
        w.hangs_up(&format!("c{n}"));
    }
    assert_eq!(alerts(&mut w), [""; 0]);
    w.queued("d", "5003");
    w.hangs_up("d");
    assert_eq!(alerts(&mut w), ["alert support service_level raised"]);
    w.wait(86_400_000);
    assert_eq!(alerts(&mut w), ["alert support service_level cleared"], "another day");
}

#[test]
fn another_configuration_ends_alerts_it_does_not_know_and_looks_at_those_it_does() {
    let mut w = watched(&[limit(Figure::Waiting, 1.0)]);
    w.queued("c", "5003");
    w.wait(5_000);
    assert_eq!(alerts(&mut w), ["alert support waiting raised"]);
    let other = Setup { version: 2, ..setup(&[limit(Figure::LongestWait, 5.0)]) };
    w.input(Input::Setup(Arc::new(other.clone())));
    let mut lines = alerts(&mut w);
    lines.sort();
    assert_eq!(lines, ["alert support longest_wait raised", "alert support waiting cleared"]);
    let mut gone = Setup { version: 3, ..other };
    gone.queues.retain(|other| other.id != queue("support"));
    gone.alerts.clear();
    w.input(Input::Setup(Arc::new(gone)));
    assert_eq!(alerts(&mut w), ["alert support longest_wait cleared"]);
}

#[test]
fn a_restart_in_any_state_tells_nothing_twice_and_forgets_no_span() {
    let after = Millis::from_secs(10);
    let mut w = watched(&[AlertSetup { after, ..limit(Figure::Waiting, 1.0) }]);
    let mut told = Vec::new();
    for step in 0..12 {
        match step {
            0 => w.queued("c", "5003"),
            5 => w.hangs_up("c"),
            _ => {}
        }
        restart(&mut w);
        w.wait(5_000);
        told.extend(alerts(&mut w).into_iter().map(|line| (step, line)));
    }
    let line = |state: &str| format!("alert support waiting {state}");
    assert_eq!(told, [(1, line("raised")), (10, line("cleared"))]);
}

/// The daemon stops and comes back with what it had written down.
fn restart(w: &mut World) {
    let kept = serde_json::to_vec(&w.snapshot()).unwrap();
    w.engine = Engine::restore(serde_json::from_slice::<Snapshot>(&kept).unwrap()).unwrap();
}

/// What an alert is, said by the figures alone: beyond `raise` for `after`, until it was not beyond `clear` for `hold`.
#[derive(Default)]
struct Model {
    beyond: Option<Timestamp>,
    fine: Option<Timestamp>,
    raised: bool,
}

impl Model {
    fn sees(&mut self, at: Timestamp, queue: &Queue, limit: &AlertSetup) {
        let value = match limit.figure {
            Figure::Waiting => Some(f64::from(queue.waiting)),
            Figure::LongestWait => Some(queue.longest_wait_s as f64),
            Figure::ServiceLevel => queue.service_level.filter(|_| queue.answered + queue.abandoned >= 10),
            Figure::AgentsReady => (queue.logged_in + queue.waiting > 0).then_some(f64::from(queue.ready)),
            Figure::Abandoned => Some(queue.abandoned as f64),
        };
        let is_beyond = |limit_value| value.is_some_and(|value| limit.figure.is_beyond(value, limit_value));
        let since = |since: Option<Timestamp>, holds: bool| holds.then(|| since.unwrap_or(at));
        self.beyond = since(self.beyond, is_beyond(limit.raise));
        self.fine = since(self.fine, !is_beyond(limit.clear));
        let lasted = |since: Option<Timestamp>, span| since.is_some_and(|since| at >= since + span);
        if !self.raised && lasted(self.beyond, limit.after) {
            self.raised = true;
        } else if self.raised && lasted(self.fine, limit.hold) {
            self.raised = false;
        }
    }
}

#[test]
fn whatever_happens_alerts_are_what_the_figures_say_and_raised_and_cleared_by_turns() {
    let mut came: BTreeMap<(Figure, bool), usize> = BTreeMap::new();
    for seed in 1..=8 {
        for (_, _, alert, raised) in day(seed) {
            *came.entry((alert.figure, raised)).or_default() += 1;
        }
    }
    assert_eq!(came.len(), 10, "each figure was raised and cleared somewhere: {came:?}");
}

/// From when stories begin until it is another day.
const TO_MIDNIGHT: u64 = 5 * 3_600_000;

/// Ten minutes of callers and agents who come and go by lot, one thing a second, with restarts.
fn day(seed: u64) -> Vec<(Timestamp, Queue, Alert, bool)> {
    let mut lots = seed;
    let mut lot = move |most: u64| {
        lots = lots.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        (lots >> 33) % most
    };
    let mut span = |most: u64| Millis::from_secs(lot(most));
    let limits = [
        AlertSetup { figure: Figure::Waiting, raise: 4.0, clear: 3.0, after: span(5), hold: span(20) },
        AlertSetup { figure: Figure::LongestWait, raise: 30.0, clear: 12.0, after: span(9), hold: span(30) },
        AlertSetup { figure: Figure::ServiceLevel, raise: 0.5, clear: 0.6, after: span(9), hold: span(9) },
        AlertSetup { figure: Figure::AgentsReady, raise: 1.0, clear: 1.0, after: span(20), hold: span(9) },
        AlertSetup { figure: Figure::Abandoned, raise: 6.0, clear: 6.0, after: span(9), hold: span(9) },
    ];
    let mut w = World::with(setup(&limits));
    w.watch = Some(queue("support"));
    let mut models: [Model; 5] = Default::default();
    let mut callers: Vec<String> = Vec::new();
    for second in 0..600 {
        // It is busy for a while, then quiet.
        let (comes, goes, worst) = if second / 100 % 2 == 0 { (45, 60, 3) } else { (5, 70, 1) };
        match lot(100) {
            n if n < comes && callers.len() < 9 => {
                callers.push(format!("c{second}"));
                w.queued(&format!("c{second}"), "5003");
            }
            n if n < goes && !callers.is_empty() => {
                let gone = callers.swap_remove(lot(callers.len() as u64) as usize);
                w.hangs_up(&gone);
            }
            n if n < 98 => {
                let states = [AgentState::Ready, AgentState::NotReady, AgentState::LoggedOut];
                let agent = ["alice", "bob"][lot(2) as usize];
                w.set_state(agent, states[lot(worst) as usize], None);
            }
            _ => restart(&mut w),
        }
        pick_up(&mut w);
        w.wait(if second == 400 && seed.is_multiple_of(8) { TO_MIDNIGHT } else { 1_000 });
        w.look();
        for (at, seen) in std::mem::take(&mut w.seen) {
            for (model, limit) in models.iter_mut().zip(&limits) {
                model.sees(at, &seen, limit);
            }
            let said: Vec<Figure> = seen.alerts.iter().map(|alert| alert.figure).collect();
            let raised = models.iter().zip(&limits).filter(|(model, _)| model.raised);
            assert_eq!(said, raised.map(|(_, limit)| limit.figure).collect::<Vec<_>>(), "seed {seed} {at:?}");
        }
    }
    by_turns(&told(&w), seed);
    told(&w)
}

/// Whoever is rung answers at once.
fn pick_up(w: &mut World) {
    for action in std::mem::take(&mut w.actions) {
        if let Action::Ring { call, devices, .. } = &action.action {
            let leg = format!("{call}-{}", action.id);
            w.rings_for(call.as_str(), &leg, &devices[0].to_string(), action.id);
            w.answers(call.as_str(), &leg);
        }
    }
}

fn by_turns(told: &[(Timestamp, Queue, Alert, bool)], seed: u64) {
    let mut open: BTreeMap<Figure, AlertId> = BTreeMap::new();
    for (at, queue, alert, raised) in told {
        let before = if *raised { open.insert(alert.figure, alert.id) } else { open.remove(&alert.figure) };
        assert_eq!(before, (!raised).then_some(alert.id), "seed {seed} {at:?}: {told:?}");
        assert_eq!(queue.alerts.iter().any(|other| other.id == alert.id), *raised);
    }
}
