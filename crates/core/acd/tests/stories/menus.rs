//! Menus that rules send callers into, and what waiting callers are told.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{
    MenuId, Millis,
    call::AttachedData,
    input::Input,
    pbx::Fact,
    setup::{AnnounceSetup, MenuSetup, MenuTakes, Mode, RouteTarget},
};

use crate::stage::{self, World, queue};

const MAIN: &str = "main";

fn menu(name: &str) -> MenuId {
    MenuId::new(name).unwrap()
}

/// Who dials 5003 is asked first: `bills` leads to billing, everything else to support.
fn asking() -> World {
    let mut setup = stage::setup(Mode::Route);
    setup.menus.insert(
        menu(MAIN),
        MenuSetup {
            prompt: "welcome".to_owned(),
            timeout: Millis::from_secs(5),
            retries: 1,
            invalid: None,
            takes: MenuTakes::Choices(BTreeMap::from([('1', "help".to_owned()), ('2', "bills".to_owned())])),
            otherwise: None,
            data: "ivr.main".to_owned(),
        },
    );
    let mut asks = setup.routes[0].clone();
    asks.name = "ask".to_owned();
    asks.target = RouteTarget::Menu(menu(MAIN));
    let mut bills = asks.clone();
    bills.name = "bills".to_owned();
    bills.when = Some(r#"data["ivr.main"] == "bills""#.to_owned());
    bills.target = RouteTarget::Queue(queue("billing"));
    setup.routes.splice(0..0, [asks, bills]);
    World::with(setup)
}

fn chooses(w: &mut World, call: &str, choice: &str) {
    let changed: AttachedData = [("ivr.main".to_owned(), choice.to_owned())].into();
    w.fact(Fact::Data { call: call.into(), changed });
}

fn in_menu(w: &mut World, call: &str) {
    let action = w.last_action();
    w.takes(action);
    w.fact(Fact::SystemTook { call: call.into(), what: "menu".to_owned() });
}

#[test]
fn a_choice_leads_to_its_queue_and_the_wait_begins_behind_the_menu() {
    let mut w = asking();
    w.queued("c", "5003");
    assert_eq!(w.asked_kept(), ["menu main"]);
    in_menu(&mut w, "c");
    w.wait(7_000);
    chooses(&mut w, "c", "bills");
    w.asks("c", "5003");
    w.wait(1_000);
    w.hangs_up("c");
    w.check_calls(&[
        "started inbound",
        "data ivr.main= by menu main",
        "data ivr.main=bills by pbx",
        "queued billing at 1",
        "ended abandoned by customer",
    ]);
    let ledger = w.ledger("c");
    assert_eq!(ledger.wait_ms, 1_000);
    let owners: Vec<String> = ledger.segments.iter().map(|segment| format!("{:?}", segment.owner)).collect();
    assert_eq!(owners, ["System(\"menu\")", "Queue(\"billing\")"]);
}

#[test]
fn who_comes_back_without_a_choice_is_not_asked_again() {
    let mut w = asking();
    w.queued("c", "5003");
    in_menu(&mut w, "c");
    w.asked();
    w.asks("c", "5003");
    w.check_calls(&["started inbound", "data ivr.main= by menu main", "queued support at 1"]);
    assert!(!w.asked().iter().any(|action| action.starts_with("menu")));
}

#[test]
fn who_leaves_in_the_menu_was_missed() {
    let mut w = asking();
    w.queued("c", "5003");
    in_menu(&mut w, "c");
    w.hangs_up("c");
    w.check_calls(&["started inbound", "data ivr.main= by menu main", "ended missed by customer"]);
}

#[test]
fn a_menu_that_was_refused_is_asked_for_again_and_one_that_was_entered_is_not() {
    let mut w = asking();
    w.queued("c", "5003");
    let first = w.last_action();
    w.refuses(first);
    w.asked();
    w.wait(2_000);
    assert_eq!(w.asked_kept(), ["menu main"]);
    // The answer is lost; that the caller is there is seen.
    w.fact(Fact::SystemTook { call: "c".into(), what: "menu".to_owned() });
    w.asked();
    w.wait(20_000);
    assert!(w.asked().iter().all(|action| !action.starts_with("menu")), "sent into it twice");
}

#[test]
fn who_is_back_before_the_answer_is_routed_all_the_same() {
    let mut w = asking();
    w.queued("c", "5003");
    chooses(&mut w, "c", "bills");
    w.asks("c", "5003");
    w.hangs_up("c");
    assert!(w.told_of_calls().contains(&"queued billing at 1".to_owned()));
}

#[test]
fn explain_says_what_the_menu_would_do_and_what_follows_from_a_choice() {
    let mut w = asking();
    w.inbound("c", "5003");
    let explained = |data: &[(&str, &str)]| {
        let mut call = w.call("c").clone();
        call.data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        w.engine.explain(&call, w.now).routed
    };
    assert_eq!(explained(&[]).target, Some(RouteTarget::Menu(menu(MAIN))));
    let chosen = explained(&[("ivr.main", "bills")]);
    assert_eq!(chosen.target, Some(RouteTarget::Queue(queue("billing"))));
    assert_eq!(chosen.tried[0].note.as_deref(), Some("not asked again: \"ivr.main\" is known"));
    assert_eq!(explained(&[("ivr.main", "")]).target, Some(RouteTarget::Queue(queue("support"))));
}

/// Who waits in `support` is told after 20 s, then each minute.
fn telling(change: impl FnOnce(&mut AnnounceSetup)) -> World {
    let mut setup = stage::setup(Mode::Route);
    let mut announce = AnnounceSetup {
        after: Millis::from_secs(20),
        every: Some(Millis::from_secs(60)),
        position: true,
        wait: true,
    };
    change(&mut announce);
    setup.queues[0].announce = Some(announce);
    for agent in &mut setup.agents {
        agent.start = hookswitch_model::agent::AgentState::LoggedOut;
    }
    World::with(setup)
}

fn announced(w: &mut World) -> Vec<String> {
    w.asked().into_iter().filter(|action| action.starts_with("announce")).collect()
}

#[test]
fn places_are_said_when_it_is_time_and_no_wait_where_nothing_is_known() {
    let mut w = telling(|_| {});
    w.queued("a", "5003");
    w.wait(5_000);
    w.queued("b", "5003");
    w.wait(14_900);
    assert_eq!(announced(&mut w), [""; 0]);
    w.wait(100);
    assert_eq!(announced(&mut w), ["announce 1 -"]);
    w.wait(5_000);
    assert_eq!(announced(&mut w), ["announce 2 -"]);
    w.hangs_up("a");
    w.wait(60_000);
    assert_eq!(announced(&mut w), ["announce 1 -"]);
    w.hangs_up("b");
    w.wait(120_000);
    assert_eq!(announced(&mut w), [""; 0], "nobody waits");
}

#[test]
fn once_is_once_and_nothing_is_said_where_nothing_can_be() {
    let mut w = telling(|announce| announce.every = None);
    w.queued("a", "5003");
    w.wait(600_000);
    assert_eq!(announced(&mut w), ["announce 1 -"]);
    let mut w = telling(|announce| announce.position = false);
    w.queued("a", "5003");
    w.wait(600_000);
    assert_eq!(announced(&mut w), [""; 0], "there is no estimate");
}

#[test]
fn who_waits_when_a_configuration_begins_to_tell_is_told() {
    let mut w = telling(|_| {});
    let mut setup = w.engine.setup().clone();
    let telling = setup.queues[0].announce.take();
    setup.version += 1;
    w.input(Input::Setup(Arc::new(setup.clone())));
    w.queued("a", "5003");
    w.wait(100_000);
    assert_eq!(announced(&mut w), [""; 0]);
    setup.queues[0].announce = telling;
    setup.version += 1;
    w.input(Input::Setup(Arc::new(setup)));
    w.wait(1);
    assert_eq!(announced(&mut w), ["announce 1 -"]);
}

#[test]
fn nothing_is_announced_to_who_is_rung_for_or_over_a_link_that_is_down() {
    let mut w = telling(|_| {});
    w.queued("a", "5003");
    w.link_down();
    w.wait(30_000);
    assert_eq!(announced(&mut w), [""; 0]);
    w.link_up();
    w.wait(60_000);
    assert_eq!(announced(&mut w), ["announce 1 -"]);
}
