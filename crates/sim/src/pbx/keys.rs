//! Applications that hear keys: prompts, waiting, reading.

use crate::config::{Micros, SECOND};
use crate::dialplan::arguments;
use crate::pbx::channel::{Listening, Location, Reading, Work};
use crate::pbx::execute::{Flow, seconds};
use crate::pbx::{Asked, LegId, Pbx};

/// How long these prompts take, with `&` between them: a second each.
pub(super) fn said(data: &str) -> Micros {
    let files = arguments(data)[0];
    files.split('&').filter(|file| !file.is_empty()).count() as Micros * SECOND
}

impl Pbx {
    /// `WaitExten(seconds,m(class))`.
    pub(super) fn app_wait_for_key(&mut self, leg: LegId, data: &str) -> Flow {
        let parts = arguments(data);
        let options = parts.get(1).copied().unwrap_or_default();
        let class =
            options.split_once("m(").and_then(|(_, rest)| rest.split_once(')')).map(|(class, _)| class);
        if let Some(class) = class {
            self.start_music(leg, class);
        }
        self.set_work_for(leg, Work::Listening(Listening::ForAny), seconds(parts[0], 10.0));
        Flow::Blocked
    }

    /// `Background(files,m,language,context)` and `SayNumber(number)`, in the context the channel is in.
    pub(super) fn app_say(&mut self, leg: LegId, data: &str) -> Flow {
        self.answer(leg);
        self.note_told(leg, arguments(data)[0]);
        self.set_work_for(leg, Work::Listening(Listening::ForKnown), said(data));
        Flow::Blocked
    }

    /// A key, for an application that it ends.
    pub(super) fn listened_digit(&mut self, leg: LegId, digit: char) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let Work::Listening(listening) = channel.work else { return };
        let context = channel.place.context.clone();
        let has = |exten: &str| self.config.dialplan.has(&context, exten);
        let exten = digit.to_string();
        let exten = match listening {
            _ if has(&exten) => exten,
            Listening::ForAny if has("i") => "i".to_owned(),
            Listening::ForAny => {
                self.warn(format!("WaitExten was given {digit}, for which nothing is in {context}"));
                return;
            }
            Listening::ForKnown => return,
        };
        self.stop_music(leg);
        self.run_at(leg, Location::new(context, exten, 1));
    }

    /// `Read(variable,files,digits,options,attempts,seconds)`.
    pub(super) fn app_read(&mut self, leg: LegId, data: &str) -> Flow {
        self.answer(leg);
        let parts = arguments(data);
        let reading = Reading {
            variable: parts[0].to_owned(),
            digits: String::new(),
            max: parts.get(2).and_then(|text| text.parse().ok()).unwrap_or(255),
            prompt: parts.get(1).map_or_else(String::new, |files| (*files).to_owned()),
            wait: parts.get(5).map_or(10 * SECOND, |text| seconds(text, 10.0)),
        };
        let prompts = parts.get(1).map_or(0, |files| said(files));
        let wait = prompts + reading.wait;
        self.set_work_for(leg, Work::Reading(reading), wait);
        Flow::Blocked
    }

    /// A digit for `Read()`, if the channel is in it: `#` or the last one ends it. The time for the next begins anew.
    pub(super) fn read_digit(&mut self, leg: LegId, digit: char) -> bool {
        let Some(channel) = self.channels.get(&leg) else { return false };
        let Work::Reading(reading) = &channel.work else { return false };
        let mut reading = reading.clone();
        if digit != '#' {
            reading.digits.push(digit);
        }
        if digit == '#' || reading.digits.len() >= reading.max {
            self.read_done(leg, &reading, "OK");
        } else {
            let wait = reading.wait;
            self.set_work_for(leg, Work::Reading(reading), wait);
        }
        true
    }

    /// `Read()` is over, and why.
    pub(super) fn read_done(&mut self, leg: LegId, reading: &Reading, status: &str) {
        self.set_variable(leg, &reading.variable, &reading.digits);
        self.set_variable(leg, "READSTATUS", status);
        let (prompt, digits) = (reading.prompt.clone(), reading.digits.clone());
        self.note_asked(leg, Asked { prompt, digits, status: status.to_owned() });
        self.go_on(leg);
    }
}
