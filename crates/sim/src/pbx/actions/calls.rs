//! Actions on calls: Redirect, Hangup, Originate, transfers, Bridge.

use hookswitch_ami::Frame;

use crate::config::{MILLISECOND, Micros};
use crate::pbx::channel::{Location, Party};
use crate::pbx::values::parse_caller_id;
use crate::pbx::{LegId, OriginateRequest, OriginateTarget, Pbx, SessionId};

/// How long Originate rings when it names no time.
const DEFAULT_TIMEOUT: Micros = 30_000 * MILLISECOND;

impl Pbx {
    /// The channel of a header, or the error is answered.
    fn channel_of_header(&mut self, id: SessionId, frame: &Frame, key: &str) -> Option<LegId> {
        let name = frame.get(key).unwrap_or_default();
        let found = self.find_channel(name);
        if found.is_none() {
            let text = if name.is_empty() {
                "Channel not specified".to_owned()
            } else {
                format!("Channel does not exist: {name}")
            };
            self.respond_error(id, frame, &text);
        }
        found
    }

    fn location(&self, frame: &Frame, prefix: &str) -> Location {
        let get = |key: &str| frame.get(&format!("{prefix}{key}")).unwrap_or_default().to_owned();
        let (context, exten, word) = (get("Context"), get("Exten"), get("Priority"));
        let priority = self.config.dialplan.priority(&context, &exten, &word).unwrap_or(1);
        Location { context, exten, priority }
    }

    pub(super) fn action_redirect(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.channel_of_header(id, frame, "Channel") else { return };
        let place = self.location(frame, "");
        if frame.get("ExtraChannel").is_none_or(str::is_empty) {
            self.respond_success(id, frame, "Redirect successful");
            self.redirect(leg, place);
            return;
        }
        let Some(extra) = self.channel_of_header(id, frame, "ExtraChannel") else { return };
        let extra_place =
            if frame.get("ExtraContext").is_some() { self.location(frame, "Extra") } else { place.clone() };
        self.respond_success(id, frame, "Dual Redirect successful");
        self.redirect_both((leg, place), (extra, extra_place));
    }

    pub(super) fn action_hangup(&mut self, id: SessionId, frame: &Frame) {
        let name = frame.get("Channel").unwrap_or_default();
        let Some(leg) = self.find_channel(name) else {
            return self.respond_error(id, frame, "No such channel");
        };
        self.respond_success(id, frame, "Channel Hungup");
        self.manager_hangs_up(leg, frame.get("Cause").and_then(|cause| cause.parse().ok()));
    }

    pub(super) fn action_originate(&mut self, id: SessionId, frame: &Frame) {
        let channel = frame.get("Channel").unwrap_or_default();
        if channel.is_empty() {
            return self.respond_error(id, frame, "Channel not specified");
        }
        let target = match frame.get("Application") {
            Some(app) => {
                OriginateTarget::Application(app.to_owned(), frame.get("Data").unwrap_or_default().to_owned())
            }
            None => {
                let place = self.location(frame, "");
                if !self.config.dialplan.has(&place.context, &place.exten) {
                    return self.respond_error(id, frame, "Extension does not exist.");
                }
                OriginateTarget::Dialplan(place)
            }
        };
        let is_async = frame.get("Async").is_some_and(|text| ["true", "yes", "1", "on"].contains(&text));
        let uniqueid = frame.get("ChannelId").filter(|text| !text.is_empty()).map(str::to_owned);
        if is_async {
            self.respond_success(id, frame, "Originate successfully queued");
        }
        if uniqueid.as_deref().is_some_and(|uniqueid| self.uniqueids.contains_key(uniqueid)) {
            // Asterisk writes a log line and never sends an OriginateResponse.
            return;
        }
        let other_uniqueid = frame.get("OtherChannelId").filter(|text| !text.is_empty()).map(str::to_owned);
        let variables = frame.all("Variable").flat_map(assignments);
        self.originate(OriginateRequest {
            session: id,
            action_id: frame.action_id().map(str::to_owned),
            channel: channel.to_owned(),
            target,
            caller: frame.get("CallerID").map_or_else(Party::default, parse_caller_id),
            timeout: frame
                .get("Timeout")
                .and_then(|text| text.parse::<u64>().ok())
                .map_or(DEFAULT_TIMEOUT, |timeout| timeout * MILLISECOND),
            uniqueid,
            other_uniqueid,
            variables: variables.collect(),
            is_async,
            leg: None,
        });
    }

    pub(super) fn action_blind_transfer(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.channel_of_header(id, frame, "Channel") else { return };
        let (context, exten) =
            (frame.get("Context").unwrap_or("from-internal"), frame.get("Exten").unwrap_or_default());
        if self.partners(leg).is_empty() {
            return self.respond_error(id, frame, "Transfer not permitted");
        }
        self.respond_success(id, frame, "Transfer succeeded");
        self.blind_transfer(leg, context, exten, true);
    }

    /// The attended transfer by the PBX. Asterisk emulates the digits of the feature code.
    pub(super) fn action_atxfer(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.channel_of_header(id, frame, "Channel") else { return };
        let exten = frame.get("Exten").unwrap_or_default();
        let context = frame.get("Context").unwrap_or("from-internal");
        self.respond_success(id, frame, "Atxfer successfully queued");
        for digit in "*2".chars().chain(exten.chars()) {
            self.tell_digit(leg, digit);
        }
        self.start_consult(leg, context, exten);
    }

    pub(super) fn action_cancel_atxfer(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.channel_of_header(id, frame, "Channel") else { return };
        self.respond_success(id, frame, "CancelAtxfer successfully queued");
        self.cancel_consult(leg);
    }

    pub(super) fn action_bridge(&mut self, id: SessionId, frame: &Frame) {
        let Some(first) = self.find_channel(frame.get("Channel1").unwrap_or_default()) else {
            return self.respond_error(id, frame, "Channel1 does not exists");
        };
        let Some(second) = self.find_channel(frame.get("Channel2").unwrap_or_default()) else {
            return self.respond_error(id, frame, "Channel2 does not exists");
        };
        self.respond_success(id, frame, "Channels have been bridged");
        self.release(first);
        self.join(first, second, false);
    }

    pub(super) fn action_play_dtmf(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.find_channel(frame.get("Channel").unwrap_or_default()) else {
            return self.respond_error(id, frame, "Channel not found");
        };
        self.respond_success(id, frame, "DTMF successfully queued");
        for digit in frame.get("Digit").unwrap_or_default().chars() {
            self.tell_digit(leg, digit);
        }
    }
}

/// `Variable: A=1,B=2`: split at commas; what follows a backslash is taken as it is, and brackets and quotes hold
/// together (`ast_app_separate_args`).
fn assignments(text: &str) -> Vec<(String, String)> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted, mut letters) = (0_u32, false, text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => parts.last_mut().into_iter().for_each(|part| part.extend(letters.next())),
            '"' => quoted = !quoted,
            ',' if depth == 0 && !quoted => parts.push(String::new()),
            other => {
                match other {
                    '(' | '[' | '{' if !quoted => depth += 1,
                    ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
                    _ => {}
                }
                parts.last_mut().into_iter().for_each(|part| part.push(other));
            }
        }
    }
    let assigned = parts.iter().filter_map(|part| part.split_once('='));
    assigned.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_an_originate_are_split_as_asterisk_splits_them() {
        let of = |text| assignments(text).into_iter().map(|(a, b)| format!("{a}|{b}")).collect::<Vec<_>>();
        assert_eq!(of("A=1,_B=2"), ["A|1", "_B|2"]);
        assert_eq!(of(r"__HS_DATA_NOTE=a\,b"), ["__HS_DATA_NOTE|a,b"]);
        assert_eq!(of(r"A=x\(y,B=[1,2],C="), ["A|x(y", "B|[1,2]", "C|"]);
    }
}
