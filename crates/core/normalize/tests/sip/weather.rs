//! A day in bad weather: callers, agents and their phones at random, packets lost, doubled and late. In the evening
//! every call has ended once, every agent is free, and nothing is kept anywhere.

use hookswitch_model::command::Verb;
use hookswitch_sip::Random;

use crate::{
    common::{
        Weather,
        phone::{Manners, State},
    },
    office::{Office, to},
};

const AGENTS: [&str; 3] = ["alice", "bob", "dora"];

fn day(seed: u64, weather: Weather) {
    let mut settings = crate::common::settings();
    settings.session.expires = std::time::Duration::from_secs(300);
    let mut office = Office::with(settings, seed);
    for name in ["alice", "bob", "dora", "dora-mobile"] {
        office.phone(name).register(3_600);
    }
    office.wait(1_000);
    office.stage.weather = weather;
    let mut chance = Random::new(seed);
    let mut pick = |n: u64| chance.next() % n;
    for _ in 0..60 {
        let agent = AGENTS[pick(3) as usize];
        match pick(10) {
            0..=2 => drop(office.phone("carrier").calls(["5003", "5013", "5030"][pick(3) as usize])),
            3 => office.phone("carrier").drop_all(),
            4 => office.phone(agent).drop_all(),
            5 if office.phone(agent).is(State::Up) => {
                office.phone(agent).offers(["sendonly", "sendrecv"][pick(2) as usize])
            }
            6 if office.phone(agent).is(State::Up) => {
                office.phone(agent).refers(["1002", "5013", "+49301"][pick(3) as usize])
            }
            7 if office.has_live_call() => {
                let verbs = [
                    Verb::Hold,
                    Verb::Retrieve,
                    Verb::Consult { to: to("bob") },
                    Verb::ConsultComplete,
                    Verb::ConsultCancel,
                    Verb::Transfer { to: to("billing") },
                    Verb::Hangup,
                ];
                // What is not legal now is refused, and that is all.
                let _ = office.does(agent, verbs[pick(7) as usize].clone());
            }
            _ => {
                let manners = [Manners::Answers(800), Manners::Rings, Manners::Refuses(486), Manners::Dead];
                office.phone(agent).manners = manners[pick(4) as usize];
            }
        }
        office.wait([10, 500, 3_000, 12_000][pick(4) as usize]);
    }
    office.stage.weather = Weather::default();
    for _ in 0..6 {
        for name in ["carrier", "alice", "bob", "dora", "dora-mobile"] {
            office.phone(name).manners = Manners::Refuses(480);
            office.phone(name).drop_all();
        }
        office.wait(60_000);
    }
    office.wait(400_000);
    office.all_over();
    for agent in AGENTS {
        let state = office.state_of(agent);
        assert!(
            ["ready", "not_ready", "never told"].contains(&state.as_str()),
            "seed {seed}: {agent} is {state}"
        );
    }
}

#[test]
fn in_the_evening_all_calls_have_ended_and_all_agents_are_free() {
    for seed in 0..25 {
        day(seed, Weather::default());
        day(100 + seed, Weather { lost: 100, doubled: 100, late: 200 });
    }
}
