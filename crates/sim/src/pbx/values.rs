//! Values of dialplan variables and functions.

use crate::dialplan::{Lookup, evaluate_condition, substitute};
use crate::pbx::channel::{Channel, Party, Presentation};
use crate::pbx::{LegId, Pbx};

/// Names as one channel sees them.
struct View<'p> {
    pbx: &'p Pbx,
    channel: &'p Channel,
    unknown: std::cell::RefCell<Vec<String>>,
}

impl Lookup for View<'_> {
    fn variable(&self, name: &str) -> String {
        self.pbx.channel_variable(self.channel, name)
    }

    fn function(&self, name: &str, argument: &str) -> String {
        match self.pbx.function(self.channel, name, argument) {
            Some(value) => value,
            None => {
                self.unknown.borrow_mut().push(name.to_owned());
                String::new()
            }
        }
    }
}

impl Pbx {
    /// Replaces variables, functions and expressions as that channel sees them.
    pub(super) fn substitute(&mut self, leg: LegId, text: &str) -> String {
        let Some(channel) = self.channels.get(&leg) else { return String::new() };
        let view = View { pbx: self, channel, unknown: std::cell::RefCell::default() };
        let value = substitute(text, &view);
        for name in view.unknown.into_inner() {
            self.warn(format!("dialplan function {name} is not simulated"));
        }
        value
    }

    /// The value of a variable, or of a function spelt like one (`channelvars` allows that); empty when not set.
    pub(crate) fn channel_variable(&self, channel: &Channel, name: &str) -> String {
        if let Some((function, argument)) = name.split_once('(') {
            let argument = argument.strip_suffix(')').unwrap_or(argument);
            return self.function(channel, function, argument).unwrap_or_default();
        }
        if let Some(value) = channel.variable(name) {
            return value.to_owned();
        }
        match name {
            "EXTEN" => channel.place.exten.clone(),
            "CONTEXT" => channel.place.context.clone(),
            "PRIORITY" => channel.place.priority.to_string(),
            "UNIQUEID" => channel.uniqueid.clone(),
            "CHANNEL" => channel.name.clone(),
            "HANGUPCAUSE" => channel.cause.to_string(),
            "EPOCH" => (self.now / 1_000_000).to_string(),
            _ => self.globals.get(name).cloned().unwrap_or_default(),
        }
    }

    /// The value of a dialplan function, none when the simulator does not have it.
    fn function(&self, channel: &Channel, name: &str, argument: &str) -> Option<String> {
        Some(match name.to_ascii_uppercase().as_str() {
            "CALLERID" => caller_id(channel, argument),
            "CONNECTEDLINE" => party(&channel.connected, argument),
            "REDIRECTING" => redirecting(channel, argument),
            "CHANNEL" => match argument {
                "state" => channel.state.as_str().to_owned(),
                "name" => channel.name.clone(),
                "uniqueid" => channel.uniqueid.clone(),
                "linkedid" => channel.linkedid.clone(),
                "endpoint" | "peername" => channel.endpoint.clone().unwrap_or_default(),
                "language" => "en".to_owned(),
                "musicclass" => "default".to_owned(),
                _ => String::new(),
            },
            "IF" => {
                let (condition, branches) = argument.split_once('?')?;
                let (then, otherwise) = branches.split_once(':').unwrap_or((branches, ""));
                if evaluate_condition(condition) { then.to_owned() } else { otherwise.to_owned() }
            }
            "IMPORT" => {
                let (other, name) = argument.split_once(',').unwrap_or((argument, ""));
                let other = self.find_channel(other).and_then(|other| self.channels.get(&other));
                other.map(|other| self.channel_variable(other, name)).unwrap_or_default()
            }
            "LEN" => argument.chars().count().to_string(),
            "ISNULL" => u8::from(argument.is_empty()).to_string(),
            "EXISTS" => u8::from(!argument.is_empty()).to_string(),
            "TOUPPER" => argument.to_ascii_uppercase(),
            "TOLOWER" => argument.to_ascii_lowercase(),
            "QUOTE" => format!("\"{argument}\""),
            "FILTER" => {
                let (allowed, text) = argument.split_once(',')?;
                text.chars().filter(|c| allows(allowed, *c)).collect()
            }
            "CUT" => {
                let parts: Vec<&str> = argument.splitn(3, ',').collect();
                let [variable, delimiter, field] = parts[..] else { return None };
                let value = self.channel_variable(channel, variable);
                let delimiter = delimiter.trim_matches('"').trim_start_matches('\\');
                let (first, last) = match field.split_once('-') {
                    Some((first, "")) => (first.parse().ok()?, usize::MAX),
                    Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
                    None => (field.parse().ok()?, field.parse().ok()?),
                };
                let fields = value.split(delimiter).skip(usize::checked_sub(first, 1)?);
                fields.take(last.checked_sub(first - 1)?).collect::<Vec<_>>().join(delimiter)
            }
            "PJSIP_HEADER" | "TIMEOUT" | "SIP_HEADER" => String::new(),
            other => return self.function_of_the_pbx(other, argument),
        })
    }

    /// The value of a dialplan function that is about no channel, none when the simulator does not have it.
    pub(crate) fn function_of_the_pbx(&self, name: &str, argument: &str) -> Option<String> {
        Some(match name.to_ascii_uppercase().as_str() {
            "GLOBAL" => self.globals.get(argument).cloned().unwrap_or_default(),
            "CONFBRIDGE_INFO" => self.conference_info(argument)?,
            "DEVICE_STATE" => self.device_state_of(argument).as_str().to_owned(),
            "DIALPLAN_EXISTS" => {
                let parts: Vec<&str> = argument.split(',').collect();
                let [context, exten, ..] = parts[..] else { return None };
                u8::from(self.config.dialplan.has(context, exten)).to_string()
            }
            "DB" => String::new(),
            _ => return None,
        })
    }

    /// `Set(FUNCTION(argument)=value)`. Whether the simulator has that function.
    pub(super) fn set_function(&mut self, leg: LegId, name: &str, argument: &str, value: &str) -> bool {
        let Some(channel) = self.channels.get_mut(&leg) else { return true };
        match (name.to_ascii_uppercase().as_str(), argument) {
            ("GLOBAL", _) => {
                self.set_global(argument, value);
            }
            ("CALLERID", "pres" | "num-pres" | "name-pres") => {
                channel.presentation = if value.starts_with("prohib") {
                    Presentation::Prohibited
                } else {
                    Presentation::Allowed
                };
            }
            ("CALLERID", "all") => {
                let party = parse_caller_id(value);
                self.set_caller(leg, party);
            }
            ("CALLERID", "num") => {
                let party = Party { number: told(value), ..channel.caller.clone() };
                self.set_caller(leg, party);
            }
            ("CALLERID", "name") => {
                let party = Party { name: told(value), ..channel.caller.clone() };
                self.set_caller(leg, party);
            }
            ("REDIRECTING", "from-num") => {
                let reason = channel.redirecting.take().map_or_else(String::new, |(_, reason)| reason);
                channel.redirecting = Some((value.to_owned(), reason));
            }
            ("CONFBRIDGE", "user,marked") => channel.seat.marked = value == "yes",
            ("CONFBRIDGE", "user,end_marked") => channel.seat.end_marked = value == "yes",
            // Nobody hears what it plays.
            ("CONFBRIDGE", "user,quiet") => {}
            ("CHANNEL" | "TIMEOUT" | "CDR" | "CONNECTEDLINE" | "DB" | "PJSIP_HEADER", _) => {}
            _ => return false,
        }
        true
    }

    /// Sets a global variable and says VarSet without a channel.
    pub(crate) fn set_global(&mut self, name: &str, value: &str) {
        self.globals.insert(name.to_owned(), value.to_owned());
        let mut message = self.event("VarSet", crate::message::Classes::DIALPLAN);
        message.put("Variable", name).put("Value", value);
        self.publish(message);
    }
}

fn caller_id(channel: &Channel, argument: &str) -> String {
    match argument {
        "pres" | "num-pres" | "name-pres" => channel.presentation.as_str().to_owned(),
        "dnid" | "DNID" => channel.dialled.clone(),
        "rdnis" => channel.redirecting.clone().map(|(number, _)| number).unwrap_or_default(),
        "ani" | "ani-num" => channel.caller.number.clone().unwrap_or_default(),
        _ => party(&channel.caller, argument),
    }
}

fn party(party: &Party, argument: &str) -> String {
    let (number, name) = (party.number.clone().unwrap_or_default(), party.name.clone().unwrap_or_default());
    match argument {
        "num" | "number" => number,
        "name" => name,
        "all" => format!("\"{name}\" <{number}>"),
        _ => String::new(),
    }
}

fn redirecting(channel: &Channel, argument: &str) -> String {
    match (&channel.redirecting, argument) {
        (Some((number, _)), "from-num") => number.clone(),
        (Some((_, reason)), "reason") => reason.clone(),
        (None, "reason") => "unknown".to_owned(),
        (Some(_) | None, _) => String::new(),
    }
}

/// An empty number or name is none.
fn told(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// `"Name" <number>`, `Name <number>`, `<number>` or a bare number.
pub(crate) fn parse_caller_id(text: &str) -> Party {
    match text.split_once('<') {
        Some((name, number)) => {
            Party::new(number.trim_end().trim_end_matches('>'), name.trim().trim_matches('"'))
        }
        None => Party::new(text.trim(), ""),
    }
}

/// Whether `FILTER` keeps a character: a list with ranges such as `0-9`.
fn allows(list: &str, wanted: char) -> bool {
    let list: Vec<char> = list.chars().collect();
    (0..list.len()).any(|at| match (list.get(at + 1), list.get(at + 2)) {
        (Some('-'), Some(last)) => (list[at]..=*last).contains(&wanted),
        _ => list[at] == wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_ids_are_read_as_originate_writes_them() {
        let read = |text| {
            let party = parse_caller_id(text);
            (party.number.unwrap_or_default(), party.name.unwrap_or_default())
        };
        assert_eq!(read("\"Dial out\" <493012345>"), ("493012345".into(), "Dial out".into()));
        assert_eq!(read("Hookswitch Lab <5000>"), ("5000".into(), "Hookswitch Lab".into()));
        assert_eq!(read("<8001>"), ("8001".into(), String::new()));
        assert_eq!(read("8001"), ("8001".into(), String::new()));
    }
}
