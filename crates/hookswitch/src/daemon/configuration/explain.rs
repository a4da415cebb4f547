//! A call that does not exist, put to the engine.

use hookswitch_acd::Engine;
use hookswitch_config::Config;
use hookswitch_http::{ImaginaryCall, Unusable};
use hookswitch_model::{
    CallId, PbxId, Timestamp,
    call::{AttachedData, Call, CallState, Candidate, Customer, Direction, MatchKind, PartyNumber},
};
use hookswitch_wire::{object::Explained, template::Numbers};
use jiff::{
    fmt::temporal::Pieces,
    tz::{Offset, TimeZoneDatabase},
};

/// The call, and when it comes.
#[derive(Debug)]
pub(crate) struct Imagined {
    call: Call,
    at: Option<Timestamp>,
    /// Of the time as it was asked for; none: that of the configuration's time zone.
    offset: Option<Offset>,
}

impl Imagined {
    /// Reads what was asked.
    ///
    /// # Errors
    /// [`Unusable::Asked`] where the time or the PBX makes no sense.
    pub(crate) fn new(
        asked: ImaginaryCall,
        config: &Config,
        numbers: &dyn Numbers,
    ) -> Result<Self, Unusable> {
        let wrong = |why: String, hint: &str| Unusable::Asked { why, hint: hint.to_owned() };
        let at = asked.at.as_deref().map(|text| {
            let at: jiff::Timestamp = text
                .parse()
                .map_err(|_| wrong(format!("{text:?} is no time"), "as in 2026-12-24T10:00:00+01:00"))?;
            let micros = u64::try_from(at.as_microsecond());
            micros
                .map(Timestamp::from_micros)
                .map_err(|_| wrong(format!("{text} is too early"), "after 1970"))
        });
        let offset = asked.at.as_deref().and_then(|text| Pieces::parse(text).ok()?.to_numeric_offset());
        let known: Vec<&PbxId> = config.pbxs.iter().map(|pbx| &pbx.name).collect();
        let pbx = match asked.pbx {
            Some(pbx) if known.contains(&&pbx) => pbx,
            Some(pbx) => {
                let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
                return Err(wrong(format!("no such pbx: {pbx}"), &format!("known: {}", names.join(", "))));
            }
            None => match known.first() {
                Some(pbx) => (*pbx).clone(),
                None => return Err(wrong("there is no PBX".to_owned(), "the configuration needs a [[pbx]]")),
            },
        };
        let party =
            |raw: String| PartyNumber { e164: numbers.e164(&raw), withheld: raw.is_empty(), raw, name: None };
        let call = Call {
            id: CallId::from_bits(0),
            direction: Direction::Inbound,
            state: CallState::Started,
            pbx,
            pbx_ref: "imaginary".into(),
            ani: party(asked.ani),
            dnis: PartyNumber { withheld: false, ..party(asked.dnis) },
            via: None,
            trunk: asked.trunk,
            queue: None,
            priority: 0,
            rule: None,
            config_version: 0,
            customer: customer(asked.customer),
            data: asked.data,
            legs: Vec::new(),
            started_at: Timestamp::default(),
            queued_at: None,
            answered_at: None,
            ended_at: None,
        };
        Ok(Self { call, at: at.transpose()?, offset })
    }

    /// What this engine says, with its agents as they are.
    pub(crate) fn put_to(mut self, engine: &Engine, now: Timestamp) -> Explained {
        let at = self.at.unwrap_or(now);
        self.call.started_at = at;
        let local = local(at, self.offset, engine.setup().timezone());
        Explained { local, ..Explained::from(&engine.explain(&self.call, at)) }
    }

    /// When it comes, if that was said.
    pub(crate) const fn at(&self) -> Option<Timestamp> {
        self.at
    }
}

/// A moment by the clock with this offset, else by that of the time zone.
fn local(at: Timestamp, offset: Option<Offset>, timezone: &str) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(i64::try_from(at.as_micros()).ok()?).ok()?;
    let of_zone = || Some(TimeZoneDatabase::bundled().get(timezone).ok()?.to_offset(at));
    Some(at.display_with_offset(offset.or_else(of_zone)?).to_string())
}

/// The one record there is, or nobody.
fn customer(mut fields: AttachedData) -> Customer {
    if fields.is_empty() {
        return Customer::none();
    }
    let candidate = Candidate {
        id: fields.remove("id").unwrap_or_default(),
        name: fields.remove("name"),
        score: 1.0,
        why: "imagined".to_owned(),
        fields,
    };
    Customer { kind: MatchKind::One, candidates: vec![candidate] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_it_was_asked_for_else_by_the_configured_zone() {
        // 2026-12-24T09:00:00Z.
        let at = Timestamp::from_millis(1_798_102_800_000);
        let asked = |text| Pieces::parse(text).unwrap().to_numeric_offset();
        let told = |offset, zone| local(at, offset, zone);
        assert_eq!(
            told(asked("2026-12-24T10:00:00+01:00"), "Asia/Tokyo").as_deref(),
            Some("2026-12-24T10:00:00+01:00")
        );
        assert_eq!(
            told(asked("2026-12-24T09:00:00Z"), "Asia/Tokyo").as_deref(),
            Some("2026-12-24T09:00:00+00:00")
        );
        assert_eq!(told(None, "Europe/Berlin").as_deref(), Some("2026-12-24T10:00:00+01:00"));
        assert_eq!(told(None, "Nowhere/Land"), None);
    }
}
