//! Menus and the waiting room: what was chosen is attached, what was said was asked for.

use hookswitch_sim::{Asked, Fate};

use super::{List, gave_up};
use crate::{
    office::{self, ASKED_AT_MOST},
    told::{Announced, Tale},
    world::World,
};

/// The menus, and the key of data each fills.
const MENUS: [(&str, &str); 2] = [("main", "ivr.main"), ("account", "account")];

pub(super) fn check(world: &World, tale: &Tale, list: &mut List) {
    if gave_up(tale) {
        return;
    }
    for (place, fate) in &world.fates {
        let pbx = world.sites[*place].name.as_str();
        let known =
            tale.calls.iter().find(|(_, course)| course.pbx == pbx && course.uniqueid == fate.uniqueid);
        let blind = world.is_blind(*place, fate.from, fate.to) || world.plan.loses_events();
        if let Some((id, _)) = known {
            chosen(tale, id, fate, blind, list);
        }
        let of_caller = |asked: &&Announced| asked.pbx == pbx && asked.uniqueid == fate.uniqueid;
        let announced: Vec<&Announced> = tale.announced.iter().filter(of_caller).collect();
        // What was said while the disk was full is forgotten when the daemon is killed then.
        if !world.is_blind(*place, fate.from, fate.to) {
            told(fate, &announced, known.map_or("", |(id, _)| id), list);
        }
    }
}

/// What a menu attached is what the caller chose there.
fn chosen(tale: &Tale, id: &str, fate: &Fate, blind: bool, list: &mut List) {
    let Some(end) = tale.end_of(id) else { return };
    for (menu, key) in MENUS {
        let prompt = format!("{menu}-prompt");
        let asked: Vec<&Asked> = fate.asked.iter().filter(|asked| asked.prompt == prompt).collect();
        let lived = office::chosen(menu, &asked).unwrap_or_default();
        let told = end.event["data"]["call"]["data"][key].as_str();
        let right = match told {
            Some(value) if value == lived => true,
            // What was keyed in unseen may not have been told.
            Some("") | None if blind => true,
            None => asked.is_empty(),
            Some(_) => false,
        };
        if !right {
            list.add("a choice is recorded as it was made", format!("{menu}: {told:?}, but {fate:?}"), id);
        }
        if asked.len() > ASKED_AT_MOST && !blind {
            list.add("nobody is asked twice", format!("{menu}: {fate:?}"), id);
        }
    }
}

/// What a caller was told of the place is what was to be told, in that order; some of it may have been cut short, or was
/// old before it could be said.
fn told(fate: &Fate, announced: &[&Announced], id: &str, list: &mut List) {
    let mut places = Vec::new();
    for (said, next) in fate.told.iter().zip(fate.told.iter().skip(1).map(Some).chain([None])) {
        match said.as_str() {
            "queue-youarenext" => places.push(1),
            "queue-thereare" => places.extend(next.and_then(|place| place.parse::<u32>().ok())),
            _ => {}
        }
    }
    let mut asked = announced.iter().filter_map(|announced| announced.position);
    if !places.iter().all(|place| asked.any(|position| position == *place)) {
        list.add("a caller is told what was to be told", format!("{announced:?}, but {fate:?}"), id);
    }
}
