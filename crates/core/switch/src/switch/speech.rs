//! What is said to callers who wait, and what they key: menus, announcements, farewells.
//!
//! Who is spoken to is at a port of ours: a caller who is not answered yet is answered first. Nothing moves the caller
//! but the end of a menu, or of a farewell; an agent may ring in the middle of an announcement.

use std::time::Duration;

use super::{Switch, keep::Timer, leave::Close};
use crate::{
    CallId, Event, LegId, Refused,
    cause::{self, bare},
    event::End,
    id::DialogId,
    spoken::{self, Asking, Follows},
    state::Speech,
};

impl Switch {
    /// A waiting caller whom nobody is rung for, and to whom nothing is said that must come to its end.
    fn listener(&self, call: &CallId) -> Result<DialogId, Refused> {
        let known = self.calls.get(call).ok_or(Refused::NoCall)?;
        if known.is_free() { Ok(known.customer) } else { Err(Refused::NotNow) }
    }

    /// A waiting caller comes into a menu. One that cannot be played is passed over.
    pub(super) fn ask(&mut self, call: &CallId, menu: &str) -> Result<(), Refused> {
        let id = self.listener(call)?;
        let Some(menu) = self.settings.spoken.menus.get(menu).cloned() else {
            self.asked_to_the_end(call, None);
            return Ok(());
        };
        if self.ear(call, id).is_none() {
            self.asked_to_the_end(call, None);
            return Ok(());
        }
        let (prompt, timeout) = (menu.prompt.clone(), menu.timeout);
        if let Some(known) = self.calls.get_mut(call) {
            known.speech = Some(Speech::Asks(Box::new(Asking::new(menu))));
        }
        self.say_until(id, &prompt, timeout);
        Ok(())
    }

    /// A waiting caller is told the place and the wait.
    pub(super) fn announce(
        &mut self,
        call: &CallId,
        queue: &str,
        position: Option<u32>,
        wait: Option<Duration>,
    ) -> Result<(), Refused> {
        let id = self.listener(call)?;
        let line = (self.settings.spoken.announce)(queue, position, wait);
        self.ear(call, id).ok_or(Refused::NoMedia)?;
        self.say(id, &line);
        Ok(())
    }

    /// A waiting caller is told something, and let go.
    pub(super) fn farewell(&mut self, leg: LegId, prompt: &str) -> Result<(), Refused> {
        let (id, call) = self.party(leg)?;
        if self.listener(&call)? != id {
            return Err(Refused::NotNow);
        }
        if let Some(known) = self.calls.get_mut(&call) {
            known.speech = Some(Speech::Farewell);
        }
        if self.ear(&call, id).is_some() {
            self.say_until(id, prompt, Duration::ZERO);
        } else {
            self.spoken(id);
        }
        Ok(())
    }

    /// Says this, and waits so long after it.
    fn say_until(&mut self, id: DialogId, prompt: &str, after: Duration) {
        let length = self.say(id, prompt);
        self.timers.set(Timer::Spoken(id), self.now + length + after);
    }

    /// Says this in place of what was being said; tells how long it takes.
    fn say(&mut self, id: DialogId, prompt: &str) -> Duration {
        let clips = self.settings.spoken.clips(prompt);
        let length = spoken::length(&clips);
        self.speak(id, clips);
        length
    }

    /// Somebody pressed a key: told of who waits, unless a menu takes it. It cuts short what is being said.
    pub(super) fn key(&mut self, id: DialogId, digit: char) {
        let Some(leg) = self.legs.get(&id).filter(|leg| !leg.talking) else { return };
        let Some(call) = leg.call.clone() else { return };
        let Some(leg) = self.part_in(id, &call) else { return };
        match self.calls.get_mut(&call).and_then(|known| known.speech.as_mut()) {
            Some(Speech::Asks(asking)) => {
                let follows = asking.pressed(digit);
                self.hush(id);
                self.follows(&call, id, follows);
            }
            Some(Speech::Farewell) => {}
            None => {
                self.hush(id);
                self.tell(Event::Digit { call, leg, digit });
            }
        }
    }

    /// What had to come to its end did, and no key came in time.
    pub(super) fn spoken(&mut self, id: DialogId) {
        let Some(call) = self.legs.get(&id).and_then(|leg| leg.call.clone()) else { return };
        match self.calls.get_mut(&call).and_then(|known| known.speech.as_mut()) {
            Some(Speech::Asks(asking)) => {
                let follows = asking.silence();
                self.follows(&call, id, follows);
            }
            Some(Speech::Farewell) => {
                let by = Some((id, End::Released, Close::Normal));
                self.finish(&call, by, Some(bare(cause::NORMAL)));
            }
            None => {}
        }
    }

    fn follows(&mut self, call: &CallId, id: DialogId, follows: Follows) {
        let Some(Speech::Asks(asking)) = self.calls.get(call).and_then(|known| known.speech.as_ref()) else {
            return;
        };
        let menu = &asking.menu;
        let timeout = menu.timeout;
        match follows {
            Follows::More => self.timers.set(Timer::Spoken(id), self.now + timeout),
            Follows::Again { wrong } => {
                let wrong = menu.invalid.as_ref().filter(|_| wrong);
                let prompt = wrong.into_iter().chain([&menu.prompt]).map(String::as_str);
                let prompt = prompt.collect::<Vec<_>>().join("&");
                self.say_until(id, &prompt, timeout);
            }
            Follows::Over(choice) => {
                let chosen = choice.map(|value| (menu.data.clone(), value));
                self.timers.cancel(&Timer::Spoken(id));
                self.hush(id);
                self.asked_to_the_end(call, chosen);
            }
        }
    }

    /// A menu is over: what was chosen is told, and the caller asks anew where to go.
    fn asked_to_the_end(&mut self, call: &CallId, chosen: Option<(String, String)>) {
        let Some(known) = self.calls.get_mut(call) else { return };
        known.speech = None;
        let dialled = known.dialled.clone();
        if let Some(chosen) = chosen {
            self.tell(Event::Data { call: call.clone(), changed: [chosen].into() });
        }
        self.tell(Event::Waits { call: call.clone(), dialled });
    }
}
