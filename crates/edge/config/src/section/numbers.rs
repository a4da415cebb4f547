//! `[numbers]`: how numbers are read and which may be dialled.

use hookswitch_model::setup::OutboundSetup;

use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{integer, line, list, text},
    },
    suggest,
};

/// `[numbers]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Two letters of ISO 3166; none: national numbers stay as they are.
    pub country: Option<String>,
    /// E.164 prefixes that click-to-dial may reach; everything else outside is refused.
    pub outbound_allow: Vec<String>,
    /// Numbers of the house that may be dialled beside those of agents, `x` for any digit; all others are refused.
    pub extensions: Vec<String>,
    /// How much may be dialled: `numbers.outbound`. Its `allow` is [`Self::outbound_allow`], and it has the extensions.
    pub outbound: OutboundSetup,
}

impl Default for Numbers {
    fn default() -> Self {
        let extensions = defaults::extensions();
        let outbound = OutboundSetup { extensions: extensions.clone(), ..OutboundSetup::default() };
        Self { country: None, outbound_allow: Vec::new(), extensions, outbound }
    }
}

impl Numbers {
    /// Whether click-to-dial may reach this number, in E.164 with its plus sign.
    #[must_use]
    pub fn may_dial(&self, e164: &str) -> bool {
        self.outbound_allow.iter().any(|prefix| e164.starts_with(prefix.as_str()))
    }
}

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Numbers> {
    let mut fields = reader.fields(node)?;
    let mut numbers = Numbers {
        country: fields.optional("country", country),
        outbound_allow: fields.or("outbound_allow", Vec::new(), list(prefix)),
        extensions: fields.or("extensions", defaults::extensions(), list(extension)),
        outbound: fields.or("outbound", OutboundSetup::default(), outbound),
    };
    numbers.outbound.allow.clone_from(&numbers.outbound_allow);
    numbers.outbound.extensions.clone_from(&numbers.extensions);
    fields.finish();
    Some(numbers)
}

fn outbound(reader: &mut Reader, node: &Node<'_>) -> Option<OutboundSetup> {
    let mut fields = reader.fields(node)?;
    let outbound = OutboundSetup {
        per_agent_per_minute: fields.optional("per_agent_per_minute", calls),
        per_minute: fields.optional("per_minute", calls),
        concurrent: fields.optional("concurrent", calls),
        per_agent_per_day: fields.optional("per_agent_per_day", calls),
        hours: fields.optional("hours", line),
        ..OutboundSetup::default()
    };
    fields.finish();
    Some(outbound)
}

fn calls(reader: &mut Reader, node: &Node<'_>) -> Option<u32> {
    integer(0, 1_000_000)(reader, node).and_then(|count| u32::try_from(count).ok())
}

fn country(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    if COUNTRIES.split(' ').any(|country| country == text) {
        return Some(text);
    }
    let upper = text.to_uppercase();
    let hint = if COUNTRIES.split(' ').any(|country| country == upper) {
        suggest::hint(&text, "country", [upper.as_str()])
    } else {
        "two capital letters of ISO 3166, as in DE, GB, US".to_owned()
    };
    reader.error(node, format!("{text:?} is no country"), hint);
    None
}

fn prefix(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    let digits = text.strip_prefix('+').unwrap_or_default();
    if (1..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0')
    {
        return Some(text);
    }
    reader.error(
        node,
        format!("{text:?} is no prefix of E.164"),
        "plus sign, country code and more digits, as in +49",
    );
    None
}

fn extension(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    let is_one = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'x' | 'X');
    if (1..=6).contains(&text.len()) && text.chars().all(is_one) {
        return Some(text.to_lowercase());
    }
    reader.error(
        node,
        format!("{text:?} is no number of the house"),
        "1 to 6 of the digits, * and #, and x for any digit, as in 6xx",
    );
    None
}

/// ISO 3166-1 alpha-2, those with telephones.
const COUNTRIES: &str = "AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
BS BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ \
FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU \
RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA \
UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_allowed_prefixes_may_be_dialled() {
        let numbers = Numbers { outbound_allow: vec!["+49".into(), "+431".into()], ..Numbers::default() };
        assert!(numbers.may_dial("+49305550001") && numbers.may_dial("+43155512345"));
        assert!(
            !numbers.may_dial("+43255512345")
                && !numbers.may_dial("+12125550123")
                && !numbers.may_dial("49305550001")
        );
        assert!(!Numbers::default().may_dial("+49305550001"), "nothing is allowed by default");
    }
}
