//! Headers read as what they mean.

use super::address::NameAddr;
use super::headers::Headers;
use super::name::Name;
use super::scan::number;
use super::values::{CSeq, Event, RAck, Replaces, SessionExpires};
use super::via::Via;

impl Headers {
    /// The top Via: the last step of a request's way, or ours on a response.
    pub fn via(&self) -> Option<Via> {
        self.members(&Name::Via).next()?.parse().ok()
    }

    /// All Vias, top first.
    pub fn vias(&self) -> Vec<Via> {
        self.members(&Name::Via).filter_map(|via| via.parse().ok()).collect()
    }

    /// Who asks.
    pub fn from(&self) -> Option<NameAddr> {
        self.get(&Name::From)?.parse().ok()
    }

    /// Who was asked first.
    pub fn to(&self) -> Option<NameAddr> {
        self.get(&Name::To)?.parse().ok()
    }

    /// The tag of who asks, when there is one.
    pub fn from_tag(&self) -> Option<&str> {
        NameAddr::tag_of(self.get(&Name::From)?)
    }

    /// The tag of who was asked, when there is one.
    pub fn to_tag(&self) -> Option<&str> {
        NameAddr::tag_of(self.get(&Name::To)?)
    }

    /// The name of the call at its maker's.
    pub fn call_id(&self) -> Option<&str> {
        self.get(&Name::CallId)
    }

    /// The place of the request in its dialog.
    pub fn cseq(&self) -> Option<CSeq> {
        self.get(&Name::CSeq)?.parse().ok()
    }

    /// The addresses of a list header, for example P-Asserted-Identity or Diversion; unreadable ones are left out.
    pub fn addresses(&self, name: &Name) -> Vec<NameAddr> {
        self.members(name).filter_map(|member| member.parse().ok()).collect()
    }

    /// Where the sender is to be reached. `*` is none of them, see [`Headers::contact_is_star`].
    pub fn contacts(&self) -> Vec<NameAddr> {
        self.addresses(&Name::Contact)
    }

    /// Whether the Contact is `*`: all bindings are meant (RFC 3261 section 10.2.2).
    pub fn contact_is_star(&self) -> bool {
        self.members(&Name::Contact).any(|member| member == "*")
    }

    /// The proxies that want to stay in the way, as sent.
    pub fn record_routes(&self) -> Vec<NameAddr> {
        self.addresses(&Name::RecordRoute)
    }

    /// The proxies the request is to pass.
    pub fn routes(&self) -> Vec<NameAddr> {
        self.addresses(&Name::Route)
    }

    /// Seconds of the Expires header.
    pub fn expires(&self) -> Option<u32> {
        number(self.get(&Name::Expires)?)
    }

    /// How many more hops the request may make.
    pub fn max_forwards(&self) -> Option<u32> {
        number(self.get(&Name::MaxForwards)?)
    }

    /// Seconds of the Min-Expires header.
    pub fn min_expires(&self) -> Option<u32> {
        number(self.get(&Name::MinExpires)?)
    }

    /// Seconds after which to try again; a comment and parameters behind it are left out.
    pub fn retry_after(&self) -> Option<u32> {
        let value = self.get(&Name::RetryAfter)?;
        number(value.split([' ', '\t', ';', '(']).next()?)
    }

    /// The extensions the sender knows, as sent.
    pub fn supported(&self) -> impl Iterator<Item = &str> {
        self.members(&Name::Supported)
    }

    /// Whether the sender knows or demands an extension.
    pub fn supports(&self, option: &str) -> bool {
        self.supported().chain(self.require()).any(|known| known.eq_ignore_ascii_case(option))
    }

    /// The extensions the receiver must know.
    pub fn require(&self) -> impl Iterator<Item = &str> {
        self.members(&Name::Require)
    }

    /// The methods the sender allows, as sent.
    pub fn allow(&self) -> impl Iterator<Item = &str> {
        self.members(&Name::Allow)
    }

    /// How long the session lives (RFC 4028).
    pub fn session_expires(&self) -> Option<SessionExpires> {
        self.get(&Name::SessionExpires)?.parse().ok()
    }

    /// The shortest session the sender or a proxy accepts, seconds (RFC 4028).
    pub fn min_se(&self) -> Option<u32> {
        let value = self.get(&Name::MinSe)?;
        number(value.split(';').next()?.trim())
    }

    /// The dialog to take over (RFC 3891).
    pub fn replaces(&self) -> Option<Replaces> {
        self.get(&Name::Replaces)?.parse().ok()
    }

    /// Where to transfer to (RFC 3515).
    pub fn refer_to(&self) -> Option<NameAddr> {
        self.get(&Name::ReferTo)?.parse().ok()
    }

    /// Who asked for the transfer (RFC 3892).
    pub fn referred_by(&self) -> Option<NameAddr> {
        self.get(&Name::ReferredBy)?.parse().ok()
    }

    /// Who calls, as a trusted peer says (RFC 3325). Believe it from trusted peers only.
    pub fn p_asserted_identity(&self) -> Vec<NameAddr> {
        self.addresses(&Name::PAssertedIdentity)
    }

    /// Who calls, in the older way (draft-ietf-sip-privacy-04). Believe it from trusted peers only.
    pub fn remote_party_id(&self) -> Option<NameAddr> {
        self.addresses(&Name::RemotePartyId).into_iter().next()
    }

    /// Whether the caller wants a kind of privacy, for example `id` (RFC 3323).
    pub fn wants_privacy(&self, kind: &str) -> bool {
        let kinds = self.all(&Name::Privacy).flat_map(|value| value.split([';', ',']));
        kinds.map(str::trim).any(|wanted| wanted.eq_ignore_ascii_case(kind))
    }

    /// Who sent the call on, the last first (RFC 5806).
    pub fn diversions(&self) -> Vec<NameAddr> {
        self.addresses(&Name::Diversion)
    }

    /// The number of a reliable provisional answer (RFC 3262).
    pub fn rseq(&self) -> Option<u32> {
        number(self.get(&Name::RSeq)?)
    }

    /// The provisional answer that is acknowledged (RFC 3262).
    pub fn rack(&self) -> Option<RAck> {
        self.get(&Name::RAck)?.parse().ok()
    }

    /// What a subscription is about (RFC 6665).
    pub fn event(&self) -> Option<Event> {
        self.get(&Name::Event)?.parse().ok()
    }

    /// The type of the body without parameters, lower case: `application/sdp`.
    pub fn content_type(&self) -> Option<String> {
        let value = self.get(&Name::ContentType)?;
        value.split(';').next().map(|kind| kind.trim().to_ascii_lowercase())
    }
}
