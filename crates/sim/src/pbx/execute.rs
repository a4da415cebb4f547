//! Running the dialplan of a channel.

use crate::config::{MILLISECOND, Micros, SECOND};
use crate::dialplan::{arguments, evaluate_condition};
use crate::message::Classes;
use crate::pbx::channel::{ChannelState, Location, Work};
use crate::pbx::keys::said;
use crate::pbx::{LegId, Pbx, Timer};

/// What an application leaves behind.
pub(super) enum Flow {
    /// The next priority.
    Next,
    /// The application has set another place.
    Jumped,
    /// The application is not over: it calls [`Pbx::go_on`] when it is.
    Blocked,
    /// The dialplan is over.
    End,
    /// The dialplan is over because nothing is at that place.
    Lost(Location),
}

/// Steps without a pause after which a dialplan is taken for an endless loop.
const MOST_STEPS: u32 = 500;

impl Pbx {
    /// Begins the dialplan where the channel stands, as soon as what is going on now is done.
    pub(super) fn begin_soon(&mut self, leg: LegId) {
        self.after(0, Timer::Begin(leg));
    }

    pub(super) fn begin_dialplan(&mut self, leg: LegId) {
        let ready = self.channels.get(&leg).is_some_and(|channel| matches!(channel.work, Work::Executing));
        if ready {
            self.run(leg);
        }
    }

    /// Sends a channel to another place and runs it there.
    pub(super) fn run_at(&mut self, leg: LegId, place: Location) {
        self.set_work(leg, Work::Executing);
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.place = place;
        }
        self.run(leg);
    }

    /// An application is over: the next priority.
    pub(super) fn go_on(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        channel.place.priority += 1;
        self.set_work(leg, Work::Executing);
        self.run(leg);
    }

    fn run(&mut self, leg: LegId) {
        for _ in 0..MOST_STEPS {
            let Some(channel) = self.channels.get(&leg) else { return };
            let place = &channel.place;
            let step = self.config.dialplan.step(&place.context, &place.exten, place.priority);
            let Some(step) = step.cloned() else {
                if self.goes_to_invalid(leg) {
                    continue;
                }
                return self.dialplan_is_over(leg);
            };
            let data = self.substitute(leg, &step.data);
            let Some(channel) = self.channels.get_mut(&leg) else { return };
            step.app.clone_into(&mut channel.app);
            data.clone_into(&mut channel.data);
            self.tell_place(leg);
            match self.execute(leg, &step.app, &data) {
                Flow::Blocked => return,
                Flow::End => return self.dialplan_is_over(leg),
                Flow::Lost(place) => return self.dialplan_is_lost(leg, place),
                Flow::Jumped => {}
                Flow::Next => {
                    if let Some(channel) = self.channels.get_mut(&leg) {
                        channel.place.priority += 1;
                    }
                }
            }
        }
        self.warn(format!("a dialplan ran {MOST_STEPS} steps without a pause"));
        self.dialplan_is_over(leg);
    }

    /// An extension that is not in its context goes to `i`, where there is one. Whether it does.
    fn goes_to_invalid(&mut self, leg: LegId) -> bool {
        let Some(channel) = self.channels.get_mut(&leg) else { return false };
        let plan = &self.config.dialplan;
        let Location { context, exten, .. } = &channel.place;
        if plan.has(context, exten) || plan.step(context, "i", 1).is_none() {
            return false;
        }
        let invalid = std::mem::replace(&mut channel.place.exten, "i".to_owned());
        channel.place.priority = 1;
        self.set_variable(leg, "INVALID_EXTEN", &invalid);
        true
    }

    /// The end of a channel by its dialplan.
    fn dialplan_is_over(&mut self, leg: LegId) {
        self.set_work(leg, Work::Executing);
        self.stop_music(leg);
        self.tell_soft_hangup(leg, 16);
        self.run_hangup_extension(leg);
        self.remove_channel(leg);
    }

    /// The end of a channel that was sent where nothing is: told from where it was sent, over where it went.
    fn dialplan_is_lost(&mut self, leg: LegId, place: Location) {
        self.set_work(leg, Work::Executing);
        self.stop_music(leg);
        self.tell_soft_hangup(leg, 16);
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.place = place;
        }
        self.remove_channel(leg);
    }

    /// Runs extension `h` of the context a channel ends in; only what needs no caller is of use there.
    pub(super) fn run_hangup_extension(&mut self, leg: LegId) {
        let Some(context) = self.channels.get(&leg).map(|channel| channel.place.context.clone()) else {
            return;
        };
        for priority in 1..MOST_STEPS {
            let Some(step) = self.config.dialplan.step(&context, "h", priority).cloned() else { return };
            let data = self.substitute(leg, &step.data);
            let Some(channel) = self.channels.get_mut(&leg) else { return };
            channel.place = Location::new(context.clone(), "h", priority);
            step.app.clone_into(&mut channel.app);
            data.clone_into(&mut channel.data);
            self.tell_place(leg);
            match step.app.to_ascii_lowercase().as_str() {
                "set" | "noop" | "verbose" | "userevent" | "execif" | "confkick" => {
                    drop(self.execute(leg, &step.app, &data))
                }
                _ => self.warn(format!("{} in extension h is not simulated", step.app)),
            }
            if let Some(channel) = self.channels.get_mut(&leg) {
                channel.place.priority += 1;
            }
        }
    }

    /// Runs one application for a channel that has no dialplan to go on with; when it is over, so is the channel.
    pub(super) fn run_application(&mut self, leg: LegId, app: &str, data: &str) {
        self.set_work(leg, Work::Executing);
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        app.clone_into(&mut channel.app);
        data.clone_into(&mut channel.data);
        match self.execute(leg, app, data) {
            Flow::Blocked => {}
            Flow::Jumped => self.run(leg),
            Flow::Lost(place) => self.dialplan_is_lost(leg, place),
            Flow::Next | Flow::End => self.dialplan_is_over(leg),
        }
    }

    fn execute(&mut self, leg: LegId, app: &str, data: &str) -> Flow {
        match app.to_ascii_lowercase().as_str() {
            "noop" | "verbose" | "log" | "progress" | "ringing" | "playtones" | "stopplaytones" => Flow::Next,
            "set" | "mset" => self.app_set(leg, data),
            "goto" => self.app_goto(leg, data),
            "gotoif" => match branch(data) {
                Some(target) => self.app_goto(leg, target),
                None => Flow::Next,
            },
            "execif" => match branch(data) {
                Some(call) => {
                    let (app, rest) = call.split_once('(').unwrap_or((call, ""));
                    let inner = rest.strip_suffix(')').unwrap_or(rest).to_owned();
                    self.execute(leg, app.trim(), &inner)
                }
                None => Flow::Next,
            },
            "answer" => self.app_answer(leg, data),
            "hangup" => self.app_hangup(leg, data),
            "busy" => self.app_hangup(leg, "17"),
            "congestion" => self.app_hangup(leg, "34"),
            "dial" => {
                self.app_dial(leg, data);
                Flow::Blocked
            }
            "queue" => {
                self.answer(leg);
                self.app_queue(leg, data);
                Flow::Blocked
            }
            "confbridge" => {
                self.answer(leg);
                self.app_conference(leg, data);
                Flow::Blocked
            }
            "bridge" => self.app_bridge(leg, data),
            "chanspy" => {
                if self.app_spy(leg, data) {
                    Flow::Blocked
                } else {
                    Flow::Next
                }
            }
            "confkick" => {
                self.app_kick(data);
                Flow::Next
            }
            "musiconhold" => self.app_music(leg, data),
            "wait" => self.app_wait(leg, seconds(data, 0.0)),
            "waitexten" => self.app_wait_for_key(leg, data),
            "playback" | "saydigits" => {
                self.answer(leg);
                self.app_wait(leg, said(data))
            }
            "background" | "saynumber" => self.app_say(leg, data),
            "read" => self.app_read(leg, data),
            "userevent" => self.app_user_event(leg, data),
            "voicemail" => {
                self.answer(leg);
                self.app_wait(leg, 60 * SECOND)
            }
            "parkedcall" => {
                let space = arguments(data).get(1).and_then(|space| space.trim().parse().ok()).unwrap_or(0);
                if self.fetch_parked(leg, space) { Flow::Blocked } else { Flow::End }
            }
            "pickupchan" => self.app_pickup(leg, data),
            _ => {
                // Asterisk hangs up when an application does not exist.
                self.warn(format!("dialplan application {app} is not simulated"));
                Flow::End
            }
        }
    }

    fn app_set(&mut self, leg: LegId, data: &str) -> Flow {
        let Some((name, value)) = data.split_once('=') else { return Flow::Next };
        let name = name.trim();
        match name.split_once('(') {
            Some((function, argument)) => {
                if !self.set_function(leg, function, argument.trim_end_matches(')'), value) {
                    self.warn(format!("Set({function}(…)) is not simulated"));
                }
            }
            None => self.set_variable(leg, name, value),
        }
        Flow::Next
    }

    /// `[[context,]exten,]priority`.
    fn app_goto(&mut self, leg: LegId, target: &str) -> Flow {
        let Some(channel) = self.channels.get(&leg) else { return Flow::Blocked };
        let mut place = channel.place.clone();
        let parts: Vec<&str> = target.split(',').map(str::trim).collect();
        let word = match parts[..] {
            [context, exten, word, ..] => {
                context.clone_into(&mut place.context);
                exten.clone_into(&mut place.exten);
                word
            }
            [exten, word] => {
                exten.clone_into(&mut place.exten);
                word
            }
            [word] => word,
            [] => return Flow::End,
        };
        let plan = &self.config.dialplan;
        let priority = plan.priority(&place.context, &place.exten, word);
        match priority.filter(|priority| plan.step(&place.context, &place.exten, *priority).is_some()) {
            Some(priority) => {
                if let Some(channel) = self.channels.get_mut(&leg) {
                    channel.place = Location { priority, ..place };
                }
                Flow::Jumped
            }
            None if plan.step(&place.context, "i", 1).is_some() => {
                let invalid = std::mem::replace(&mut place.exten, "i".to_owned());
                if let Some(channel) = self.channels.get_mut(&leg) {
                    channel.place = Location { priority: 1, ..place };
                }
                self.set_variable(leg, "INVALID_EXTEN", &invalid);
                Flow::Jumped
            }
            None => Flow::Lost(Location { priority: 1, ..place }),
        }
    }

    /// `Answer(delay,options)`; option `i` does not wait for media.
    fn app_answer(&mut self, leg: LegId, data: &str) -> Flow {
        if self.channels.get(&leg).is_some_and(|channel| channel.state == ChannelState::Up) {
            return Flow::Next;
        }
        self.answer(leg);
        if arguments(data).get(1).is_some_and(|options| options.contains('i')) {
            return Flow::Next;
        }
        self.app_wait(leg, self.config.answer_wait)
    }

    fn app_hangup(&mut self, leg: LegId, data: &str) -> Flow {
        if let Ok(cause) = data.trim().parse() {
            self.set_cause(leg, cause, crate::pbx::channel::cause_to_sip(cause));
        } else {
            self.default_cause(leg);
        }
        Flow::End
    }

    fn app_music(&mut self, leg: LegId, data: &str) -> Flow {
        let parts = arguments(data);
        let class = if parts[0].is_empty() { "default" } else { parts[0] }.to_owned();
        self.start_music(leg, &class);
        match parts.get(1) {
            Some(text) => self.app_wait(leg, seconds(text, 0.0)),
            None => {
                self.set_work(leg, Work::Sleeping);
                Flow::Blocked
            }
        }
    }

    pub(super) fn app_wait(&mut self, leg: LegId, span: Micros) -> Flow {
        self.set_work_for(leg, Work::Sleeping, span.max(MILLISECOND));
        Flow::Blocked
    }

    /// The time of a sleeping application is over.
    pub(super) fn wake(&mut self, leg: LegId) {
        self.stop_music(leg);
        self.go_on(leg);
    }

    /// `UserEvent(name,key: value,…)`.
    fn app_user_event(&mut self, leg: LegId, data: &str) -> Flow {
        let mut parts = arguments(data).into_iter();
        let mut message = self.about_in("UserEvent", Classes::USER, leg);
        message.put("UserEvent", parts.next().unwrap_or_default());
        for part in parts {
            let (key, value) = part.split_once(':').unwrap_or((part, ""));
            message.put(key.trim(), value.trim_start());
        }
        self.publish(message);
        Flow::Next
    }

    /// `Bridge(channel,options)`: takes a live channel out of what it does and talks to it.
    fn app_bridge(&mut self, leg: LegId, data: &str) -> Flow {
        let parts = arguments(data);
        let ends = parts.get(1).is_some_and(|options| options.contains('x'));
        let Some(other) = self.find_channel(parts[0]).filter(|other| *other != leg) else {
            self.set_variable(leg, "BRIDGERESULT", "NONEXISTENT");
            return Flow::Next;
        };
        self.set_variable(leg, "BRIDGERESULT", "SUCCESS");
        self.join(leg, other, ends);
        Flow::Blocked
    }

    /// Puts two channels into a bridge, the second taken out of what it does.
    pub(super) fn join(&mut self, leg: LegId, other: LegId, other_ends: bool) {
        self.answer(leg);
        let bridge = self.create_bridge(crate::pbx::BridgeKind::Basic);
        self.release(other);
        if let Some(channel) = self.channels.get_mut(&other) {
            channel.place.priority += 1;
            // It is another channel from now on, that took over name and phone.
            channel.cause = 0;
        }
        let theirs = if other_ends { Work::Called { after: None } } else { Work::Joined { ends: false } };
        self.set_work(other, theirs);
        self.set_work(leg, Work::Joined { ends: false });
        self.enter_bridge(other, bridge, None);
        self.enter_bridge(leg, bridge, None);
        let (Some(first), Some(second)) = (self.channels.get(&leg), self.channels.get(&other)) else {
            return;
        };
        let (first, second) = (first.caller.clone(), second.caller.clone());
        self.replace_connected(other, first.clone());
        self.replace_connected(leg, second.clone());
        self.show_behind_pair(other, &first);
        self.show_behind_pair(leg, &second);
    }

    /// `PickupChan(device)`: answers what rings there.
    fn app_pickup(&mut self, leg: LegId, data: &str) -> Flow {
        let device = arguments(data)[0].trim_start_matches("PJSIP/").to_owned();
        let ringing = self.ringing_leg(&device);
        match ringing {
            Some(target) => {
                self.pick_up(leg, target);
                Flow::Blocked
            }
            None => Flow::Next,
        }
    }
}

/// The branch a condition takes: `condition?then:else`.
fn branch(data: &str) -> Option<&str> {
    let (condition, branches) = data.split_once('?')?;
    let (then, otherwise) = split_branches(branches);
    let chosen = if evaluate_condition(condition) { then } else { otherwise };
    let chosen = chosen.trim();
    (!chosen.is_empty()).then_some(chosen)
}

/// Splits at the first colon outside of parentheses.
fn split_branches(text: &str) -> (&str, &str) {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

pub(super) fn seconds(text: &str, default: f64) -> Micros {
    (text.trim().parse::<f64>().unwrap_or(default).max(0.0) * SECOND as f64) as Micros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_taken_by_its_condition() {
        assert_eq!(branch("1?a,s,1:b"), Some("a,s,1"));
        assert_eq!(branch("0?a,s,1:b"), Some("b"));
        assert_eq!(branch("0?a"), None);
        assert_eq!(branch("1?:b"), None);
        assert_eq!(branch("1?Set(X=a:b):Set(Y=1)"), Some("Set(X=a:b)"));
    }
}
