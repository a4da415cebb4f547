//! What a REGISTER asks for, read and checked before anything changes.

use std::time::Duration;

use super::{Binding, Settings};
use crate::flow::Flow;
use crate::message::{Name, NameAddr, Request, number};
use crate::time::Instant;

/// Why nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    TooMany,
    TooBrief,
    OutOfOrder,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// `Contact: *` with no time left.
    pub(super) all_gone: bool,
    /// Contacts with their ends; one that ends now is taken back.
    pub(super) contacts: Vec<Binding>,
    /// Whether the phone keeps its flow alive itself (RFC 5626).
    pub(super) outbound: bool,
    call_id: Box<str>,
    cseq: u32,
}

impl Wanted {
    pub(super) fn read(
        now: Instant,
        flow: Flow,
        request: &Request,
        settings: &Settings,
    ) -> Result<Self, Refusal> {
        let headers = &request.headers;
        let call_id: Box<str> = headers.call_id().ok_or(Refusal::Malformed)?.into();
        let cseq = headers.cseq().ok_or(Refusal::Malformed)?.number;
        let nothing = Self { all_gone: false, contacts: Vec::new(), outbound: false, call_id, cseq };
        let members: Vec<_> = headers.members(&Name::Contact).collect();
        if headers.contact_is_star() {
            // RFC 3261 section 10.3 step 6: alone, and with no time left.
            let alone = members.len() == 1 && headers.expires() == Some(0);
            return if alone { Ok(Self { all_gone: true, ..nothing }) } else { Err(Refusal::Malformed) };
        }
        if members.len() > settings.max_contacts {
            return Err(Refusal::TooMany);
        }
        let path = headers.addresses(&Name::Path);
        let reader = Reader { now, flow, request, settings, path };
        let contacts = members.into_iter().map(|member| reader.contact(member, &nothing));
        let contacts = contacts.collect::<Result<Vec<_>, _>>()?;
        // We keep flows only when we are the first hop.
        let direct = headers.members(&Name::Via).nth(1).is_none();
        let outbound =
            direct && headers.supports("outbound") && contacts.iter().any(|one| one.reg_id.is_some());
        Ok(Self { contacts, outbound, ..nothing })
    }

    /// Whether nothing that is known was asked for later (RFC 3261 section 10.3 steps 6 and 7).
    pub(super) fn check(self, known: &[Binding]) -> Result<Self, Refusal> {
        let touched = known.iter().filter(|binding| {
            self.all_gone || self.contacts.iter().any(|contact| contact.same_contact(binding))
        });
        let overtaken =
            touched.into_iter().any(|known| known.call_id == self.call_id && known.cseq > self.cseq);
        if overtaken { Err(Refusal::OutOfOrder) } else { Ok(self) }
    }
}

struct Reader<'a> {
    now: Instant,
    flow: Flow,
    request: &'a Request,
    settings: &'a Settings,
    path: Vec<NameAddr>,
}

impl Reader<'_> {
    fn contact(&self, member: &str, order: &Wanted) -> Result<Binding, Refusal> {
        let contact: NameAddr = member.parse().map_err(|_| Refusal::Malformed)?;
        if !contact.uri.is_sip() {
            return Err(Refusal::Malformed);
        }
        let reg_id = contact.params.get("reg-id").and_then(number);
        let instance = contact.params.get("+sip.instance").filter(|instance| !instance.is_empty());
        Ok(Binding {
            q: contact.params.get("q").map_or(1000, read_q),
            since: self.now,
            ends: self.now + self.expires(&contact)?,
            flow: self.flow,
            path: self.path.clone(),
            instance: instance.map(Into::into),
            reg_id,
            uri: contact.uri,
            call_id: order.call_id.clone(),
            cseq: order.cseq,
        })
    }

    /// The contact's own time, else the header's, else the usual; what is no number counts as not said.
    fn expires(&self, contact: &NameAddr) -> Result<Duration, Refusal> {
        let said =
            contact.params.get("expires").and_then(number::<u32>).or_else(|| self.request.headers.expires());
        let wanted =
            said.map_or(self.settings.default_expires, |seconds| Duration::from_secs(seconds.into()));
        if wanted.is_zero() {
            return Ok(wanted);
        }
        if wanted < self.settings.min_expires {
            return Err(Refusal::TooBrief);
        }
        Ok(wanted.min(self.settings.max_expires))
    }
}

/// `0.5` as 500; what is no q-value is the most preferred.
fn read_q(text: &str) -> u16 {
    let fraction = text.strip_prefix("0.").or_else(|| (text == "0").then_some(""));
    let Some(fraction) = fraction.filter(|digits| digits.len() <= 3) else { return 1000 };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 1000;
    }
    fraction.bytes().chain(*b"000").take(3).fold(0, |q, digit| q * 10 + u16::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_values_are_thousandths_and_nonsense_is_the_most_preferred() {
        let q = ["0", "0.", "0.5", "0.05", "0.123", "1", "1.0", "0.1234", "-1", "0.x", ""].map(read_q);
        assert_eq!(q, [0, 0, 500, 50, 123, 1000, 1000, 1000, 1000, 1000, 1000]);
    }
}
