//! Manager actions: what a client asks of the PBX.

mod calls;
mod lists;
mod queues;

use hookswitch_ami::Frame;

use crate::config::SECOND;
use crate::message::{Classes, Message};
use crate::pbx::{Filter, Pbx, SessionId};

impl Pbx {
    /// Carries out an action of a client that is logged in.
    pub(super) fn perform(&mut self, id: SessionId, name: &str, frame: &Frame) {
        match name.to_ascii_lowercase().as_str() {
            "login" => self.respond_error(id, frame, "Already logged in"),
            "logoff" => self.logoff(id, frame),
            "ping" => self.respond_pong(id, frame),
            "events" => self.action_events(id, frame),
            "filter" => self.action_filter(id, frame),
            "corestatus" => self.action_core_status(id, frame),
            "coresettings" => self.action_core_settings(id, frame),
            "command" => self.action_command(id, frame),
            "userevent" => self.action_user_event(id, frame),
            "setvar" => self.action_setvar(id, frame),
            "getvar" => self.action_getvar(id, frame),
            "redirect" => self.action_redirect(id, frame),
            "hangup" => self.action_hangup(id, frame),
            "originate" => self.action_originate(id, frame),
            "blindtransfer" => self.action_blind_transfer(id, frame),
            "atxfer" => self.action_atxfer(id, frame),
            "cancelatxfer" => self.action_cancel_atxfer(id, frame),
            "bridge" => self.action_bridge(id, frame),
            "mixmonitor" => self.action_record(id, frame),
            "stopmixmonitor" => self.action_stop_recording(id, frame),
            "pjsipnotify" => self.action_notify(id, frame),
            "playdtmf" => self.action_play_dtmf(id, frame),
            "coreshowchannels" => self.list_channels(id, frame),
            "status" => self.list_status(id, frame),
            "bridgelist" => self.list_bridges(id, frame),
            "bridgeinfo" => self.list_bridge(id, frame),
            "confbridgelist" => self.list_conference(id, frame),
            "pjsipshowcontacts" => self.list_contacts(id, frame),
            "pjsipshowendpoints" => self.list_endpoints(id, frame),
            "devicestatelist" => self.list_device_states(id, frame),
            "queuestatus" => self.list_queues(id, frame),
            "queuesummary" => self.list_queue_summary(id, frame),
            "queuepause" => self.action_queue_pause(id, frame),
            "queueadd" => self.action_queue_add(id, frame),
            "queueremove" => self.action_queue_remove(id, frame),
            "" => self.respond_error(id, frame, "Missing action in request"),
            _ => self.respond_error(id, frame, "Invalid/unknown command"),
        }
    }

    fn action_events(&mut self, id: SessionId, frame: &Frame) {
        let mask = Classes::parse(frame.get("EventMask").unwrap_or("on"));
        if let Some(session) = self.sessions.get_mut(&id) {
            session.mask = mask;
        }
        let mut response = Message::response("Success", frame.action_id());
        response.put("Events", if mask == Classes::NONE { "Off" } else { "On" });
        self.send(id, response);
    }

    fn action_filter(&mut self, id: SessionId, frame: &Frame) {
        if !frame.get("Operation").is_some_and(|operation| operation.eq_ignore_ascii_case("Add")) {
            return self.respond_error(id, frame, "Unknown operation");
        }
        match frame.get("Filter").and_then(Filter::parse) {
            Some(filter) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.filters.push(filter);
                }
                self.respond_success(id, frame, "Filter added successfully");
            }
            None => self.respond_error(id, frame, "Filter was formatted incorrectly"),
        }
    }

    fn action_core_status(&mut self, id: SessionId, frame: &Frame) {
        let (date, time) = date_and_time(self.booted / SECOND);
        let mut response = Message::response("Success", frame.action_id());
        response
            .put("CoreStartupDate", &date)
            .put("CoreStartupTime", &time)
            .put("CoreReloadDate", &date)
            .put("CoreReloadTime", &time)
            .put("CoreCurrentCalls", self.channels.len())
            .put("CoreProcessedCalls", self.calls_processed);
        self.send(id, response);
    }

    fn action_core_settings(&mut self, id: SessionId, frame: &Frame) {
        let mut response = Message::response("Success", frame.action_id());
        response
            .put("AMIversion", &self.config.ami_version)
            .put("AsteriskVersion", &self.config.asterisk_version)
            .put("SystemName", "")
            .put("CoreMaxCalls", 0)
            .put("CoreMaxLoadAvg", "0.000000")
            .put("CoreRealTimeEnabled", "No")
            .put("CoreCDRenabled", "Yes")
            .put("CoreHTTPenabled", "No");
        self.send(id, response);
    }

    /// A few commands a client may ask to find its way; their output is short.
    fn action_command(&mut self, id: SessionId, frame: &Frame) {
        let command = frame.get("Command").unwrap_or_default().trim();
        let output: Vec<String> = match command {
            "core show version" => vec![format!("Asterisk {}", self.config.asterisk_version)],
            "core show uptime" => {
                vec![format!("System uptime: {} seconds", (self.now - self.booted) / SECOND)]
            }
            "core show channels count" => vec![format!("{} active channels", self.channels.len())],
            "dialplan reload" => vec!["Dialplan reloaded.".to_owned()],
            _ => match command.strip_prefix("dialplan show ") {
                Some(context) if self.config.dialplan.has_context(context) => {
                    vec![format!("[ Context '{context}' created by 'pbx_config' ]")]
                }
                Some(context) => vec![format!("There is no existence of '{context}' context")],
                None => {
                    let text = format!(
                        "No such command '{command}' (type 'core show help {command}' for other possible commands)"
                    );
                    vec![text]
                }
            },
        };
        let known = !output[0].starts_with("No such command");
        let mut response = Message::response(if known { "Success" } else { "Error" }, frame.action_id());
        response.put("Message", "Command output follows");
        for line in output {
            response.put("Output", line);
        }
        self.send(id, response);
    }

    fn action_user_event(&mut self, id: SessionId, frame: &Frame) {
        let mut message = self.event("UserEvent", Classes::USER);
        message.put_if("ActionID", frame.action_id());
        message.put("UserEvent", frame.get("UserEvent").unwrap_or_default());
        for (key, value) in frame.headers() {
            if !["action", "actionid", "userevent"].contains(&key.to_ascii_lowercase().as_str()) {
                message.put(key, value);
            }
        }
        self.respond_success(id, frame, "Event Sent");
        self.publish(message);
    }

    fn action_setvar(&mut self, id: SessionId, frame: &Frame) {
        let (Some(name), value) = (frame.get("Variable"), frame.get("Value").unwrap_or_default()) else {
            return self.respond_error(id, frame, "No variable specified");
        };
        match frame.get("Channel").filter(|channel| !channel.is_empty()) {
            None => {
                self.respond_success(id, frame, "Variable Set");
                self.set_global(name, value);
            }
            Some(channel) => match self.find_channel(channel) {
                None => self.respond_error(id, frame, "No such channel"),
                Some(leg) => {
                    self.respond_success(id, frame, "Variable Set");
                    match name.split_once('(') {
                        Some((function, argument)) => {
                            self.set_function(leg, function, argument.trim_end_matches(')'), value);
                        }
                        None => self.set_variable(leg, name, value),
                    }
                }
            },
        }
    }

    fn action_getvar(&mut self, id: SessionId, frame: &Frame) {
        let Some(name) = frame.get("Variable") else {
            return self.respond_error(id, frame, "No variable specified");
        };
        let value = match frame.get("Channel").filter(|channel| !channel.is_empty()) {
            None => match name.strip_suffix(')').and_then(|text| text.split_once('(')) {
                Some((function, argument)) => match self.function_of_the_pbx(function, argument) {
                    Some(value) => value,
                    None => return self.respond_error(id, frame, "No such variable"),
                },
                None => self.globals.get(name).cloned().unwrap_or_default(),
            },
            Some(channel) => match self.find_channel(channel).and_then(|leg| self.channels.get(&leg)) {
                None => return self.respond_error(id, frame, "No such channel"),
                Some(channel) => self.channel_variable(channel, name),
            },
        };
        let mut response = Message::response("Success", frame.action_id());
        response.put("Variable", name).put("Value", value);
        self.send(id, response);
    }
}

/// Date and time of day of a Unix time, in UTC, as CoreStatus writes them.
fn date_and_time(seconds: u64) -> (String, String) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days since 1970-03-01-based eras (Howard Hinnant, "chrono-compatible date algorithms").
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date_and_time(0), ("1970-01-01".into(), "00:00:00".into()));
        assert_eq!(date_and_time(1_795_289_637), ("2026-11-21".into(), "19:33:57".into()));
        assert_eq!(date_and_time(1_709_164_799), ("2024-02-28".into(), "23:59:59".into()));
    }
}
