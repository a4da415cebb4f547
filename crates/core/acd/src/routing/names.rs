//! What the conditions of rules may name.

use hookswitch_expression::{Names, Shorthand, Unknown};

use super::{
    calendar::Calendars,
    facts::{Moment, Path},
    lists::Lists,
};

const NAMES: &str = "the names are ani, dnis, via, data, customer, now, pbx, trunk, calendar, list";

/// The names of a call, and the calendars and lists there are.
pub(super) struct CallNames<'a> {
    pub(super) calendars: &'a Calendars,
    pub(super) lists: &'a Lists,
}

impl Names for CallNames<'_> {
    type Name = Path;

    const EXAMPLE: &'static str = "dnis == \"5003\" && customer.tier == \"gold\"";

    const SHORTHAND: Option<Shorthand> =
        Some(Shorthand { function: "open", root: "calendar", example: "open(\"office\")" });

    fn name(&self, segments: &[&str]) -> Result<Path, Unknown> {
        let (root, fields) = (segments[0], &segments[1..]);
        if let [first, second, ..] = fields {
            let message = format!("{root}.{first} is a value and has no field {second:?}");
            let hint = format!("a key with a dot is written {root}[\"{}\"]", fields.join("."));
            return Err(Unknown::new(2, message, hint));
        }
        let field = fields.first().copied();
        let known = match (root, field) {
            ("ani", None | Some("raw")) => Some(Path::AniRaw),
            ("ani", Some("e164")) => Some(Path::AniE164),
            ("ani", Some("withheld")) => Some(Path::AniWithheld),
            ("ani", Some("name")) => Some(Path::AniName),
            ("dnis", None | Some("raw")) => Some(Path::DnisRaw),
            ("dnis", Some("e164")) => Some(Path::DnisE164),
            ("via", None | Some("raw")) => Some(Path::ViaRaw),
            ("via", Some("e164")) => Some(Path::ViaE164),
            ("via", Some("reason")) => Some(Path::ViaReason),
            ("data", None) => Some(Path::AllData),
            ("data", Some(key)) => Some(Path::Data(key.to_owned())),
            ("customer", None) => Some(Path::AllCustomer),
            ("customer", Some("id")) => Some(Path::CustomerId),
            ("customer", Some("name")) => Some(Path::CustomerName),
            ("customer", Some("match")) => Some(Path::CustomerMatch),
            ("customer", Some("score")) => Some(Path::CustomerScore),
            ("customer", Some(field)) => Some(Path::CustomerField(field.to_owned())),
            ("now", None) => Some(Path::Now(Moment::Iso)),
            ("now", Some(part)) => {
                Moment::ALL.into_iter().find(|(name, _)| *name == part).map(|(_, part)| Path::Now(part))
            }
            ("pbx", None) => Some(Path::Pbx),
            ("trunk", None) => Some(Path::Trunk),
            ("calendar", Some(name)) => return self.calendar(name),
            ("list", Some(name)) => return self.list(name),
            _ => None,
        };
        known.ok_or_else(|| unknown(root, field))
    }
}

impl CallNames<'_> {
    fn calendar(&self, name: &str) -> Result<Path, Unknown> {
        self.calendars
            .number(name)
            .map(Path::Calendar)
            .ok_or_else(|| unknown_table("calendar", name, self.calendars.names()))
    }

    fn list(&self, name: &str) -> Result<Path, Unknown> {
        self.lists.number(name).map(Path::List).ok_or_else(|| unknown_table("list", name, self.lists.names()))
    }
}

fn unknown_table<'a>(table: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Unknown {
    let names: Vec<&str> = names.collect();
    let hint = match names.as_slice() {
        [] => format!("add a [{table}.{name}] table"),
        _ => format!("there are {}", names.join(", ")),
    };
    Unknown::new(1, format!("there is no {table} {name:?}"), hint)
}

fn unknown(root: &str, field: Option<&str>) -> Unknown {
    let fields = match root {
        "ani" => "raw, e164, withheld, name",
        "dnis" => "raw, e164",
        "via" => "raw, e164, reason",
        "now" => "hour, minute, second, weekday, day, month, year, date, time, iso",
        "pbx" | "trunk" => "none: it is text",
        "calendar" => "the names of the calendars, such as calendar.office",
        "list" => "the names of the lists, as in ani in list.blacklist",
        _ => {
            let hint = format!("{NAMES}; text stands in quotes: \"{root}\"");
            return Unknown::new(0, format!("there is nothing named {root:?}"), hint);
        }
    };
    let message = match field {
        Some(field) => format!("{root} has no field {field:?}"),
        None => format!("{root} alone has no value"),
    };
    Unknown::new(1, message, format!("the fields of {root} are {fields}"))
}
