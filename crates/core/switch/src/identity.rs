//! Who calls whom, as headers say it: read where they are believed, written where they may be known.

use std::collections::BTreeMap;

use hookswitch_sip::message::{Host, Name, NameAddr, Request, Uri};

use crate::{
    event::{Caller, Diverted},
    settings::{Limits, User},
};

/// Who nobody is (RFC 3323 section 4.1.1.3).
const ANONYMOUS: &str = "anonymous.invalid";

/// The number or name a URI is about: the user, without the parameters some gateways put there.
pub(crate) fn number(uri: &Uri) -> String {
    let user = uri.user_decoded().unwrap_or_default();
    user.split(';').next().unwrap_or_default().to_owned()
}

/// What was dialled.
pub(crate) fn dialled(request: &Request) -> String {
    number(&request.uri)
}

/// Who a registered user is to others.
pub(crate) fn of_user(name: &str, user: &User) -> Caller {
    Caller {
        number: user.number.as_deref().unwrap_or(name).to_owned(),
        name: user.display.as_deref().map(str::to_owned),
        withheld: false,
    }
}

/// Who calls by a trunk. What is asserted counts only from a trunk that is trusted (RFC 3325 section 5).
pub(crate) fn of_trunk(request: &Request, trusted: bool) -> Caller {
    let headers = &request.headers;
    let asserted = || {
        let list = headers.p_asserted_identity();
        // Of a sip and a tel address of the same caller the one that is a number counts (RFC 3325 section 9.1).
        let is_number = |address: &&NameAddr| {
            number(&address.uri).trim_start_matches('+').starts_with(|c: char| c.is_ascii_digit())
        };
        list.iter().find(is_number).or(list.first()).cloned()
    };
    let party = headers.remote_party_id();
    let hidden_party =
        party.as_ref().and_then(|party| party.params.get("privacy")).is_some_and(|kind| kind != "off");
    let from = headers.from();
    let nobody = from.as_ref().is_none_or(is_anonymous);
    let believed = if trusted { asserted().or(party) } else { None };
    let shown = believed.or(from.filter(|from| !is_anonymous(from)));
    let privacy = ["id", "user", "header"].into_iter().any(|kind| headers.wants_privacy(kind));
    Caller {
        number: shown.as_ref().map(|shown| number(&shown.uri)).unwrap_or_default(),
        name: shown.and_then(|shown| shown.display).map(|name| name.chars().take(128).collect()),
        withheld: privacy || nobody || (trusted && hidden_party),
    }
}

fn is_anonymous(address: &NameAddr) -> bool {
    let host = address.uri.host.as_ref().map(ToString::to_string).unwrap_or_default();
    host.eq_ignore_ascii_case(ANONYMOUS)
        || address.uri.user.as_deref().is_none_or(|user| user.eq_ignore_ascii_case("anonymous"))
}

/// Who diverted the call last.
pub(crate) fn diverted(request: &Request) -> Option<Diverted> {
    let headers = &request.headers;
    if let Some(last) = headers.diversions().into_iter().next() {
        let reason = last.params.get_unquoted("reason").filter(|reason| !reason.is_empty());
        return Some(Diverted { number: number(&last.uri), reason });
    }
    // RFC 7044: the entry before the last one is where it was to go before.
    let history = headers.addresses(&Name::HistoryInfo);
    let [.., before, now] = history.as_slice() else { return None };
    let cause = now.uri.params.get("cause").map(str::to_owned).or_else(|| {
        let reason = before.uri.decoded_headers().find(|(name, _)| name.eq_ignore_ascii_case("Reason"))?.1;
        reason.split(';').find_map(|part| part.trim().strip_prefix("cause=").map(str::to_owned))
    })?;
    let reason = match cause.as_str() {
        "302" => "cfu",
        "486" => "cfb",
        "408" | "487" => "cfnr",
        "480" => "deflection",
        "503" => "unavailable",
        _ => "unknown",
    };
    Some(Diverted { number: number(&before.uri), reason: Some(reason.to_owned()) })
}

/// Attached data: `User-to-User` as `uui`, `X-Foo` as `x-foo`, as much as the limits allow.
pub(crate) fn data(request: &Request, limits: &Limits) -> BTreeMap<String, String> {
    let (most, longest) = limits.data;
    let mut data = BTreeMap::new();
    for header in request.headers.iter() {
        let key = header.name.as_str().to_ascii_lowercase();
        let key = match key.as_str() {
            "user-to-user" => "uui".to_owned(),
            name if name.len() > 2 && name.starts_with("x-") => key,
            _ => continue,
        };
        if data.len() < most && key.len() <= 64 && header.value.len() <= longest {
            data.entry(key).or_insert_with(|| header.value.to_string());
        }
    }
    data
}

/// Attached data as headers: what came as a header goes on as the same.
pub(crate) fn write_data(data: &BTreeMap<String, String>, request: &mut Request, limits: &Limits) {
    let (most, longest) = limits.data;
    let fits = |(_, value): &(&String, &String)| value.len() <= longest;
    for (key, value) in data.iter().filter(fits).take(most) {
        let word = !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if key == "uui" {
            request.headers.push(Name::UserToUser, value.as_str());
        } else if word {
            let name = if key.starts_with("x-") { capitals(key) } else { format!("X-{}", capitals(key)) };
            request.headers.push(Name::Other(name.into()), value.as_str());
        }
    }
}

/// `x-case-id` → `X-Case-Id`.
fn capitals(key: &str) -> String {
    let mut up = true;
    key.chars()
        .map(|c| {
            let shown = if up { c.to_ascii_uppercase() } else { c };
            up = c == '-';
            shown
        })
        .collect()
}

/// Our From towards somebody who is called: the caller, unless that is not to be shown.
pub(crate) fn from(caller: &Caller, host: &Host, tag: &str) -> NameAddr {
    if caller.withheld {
        let uri = Uri::sip(Some("anonymous"), Host::Domain(ANONYMOUS.into()), None);
        return NameAddr { display: Some("Anonymous".into()), ..NameAddr::new(uri) }.with_tag(tag);
    }
    let mut shown = NameAddr::new(address(&caller.number, host));
    shown.display = caller.name.as_deref().map(Into::into);
    shown.with_tag(tag)
}

/// The address of a number here.
pub(crate) fn address(number: &str, host: &Host) -> Uri {
    Uri::sip(
        Some(&escaped(number)).filter(|user| !user.is_empty()).map(String::as_str).or(Some("unknown")),
        host.clone(),
        None,
    )
}

/// As it may stand in a URI (RFC 3261 section 25.1, `user`).
pub(crate) fn escaped(user: &str) -> String {
    let mut text = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// What a trusted peer is told beside From (RFC 3325).
pub(crate) fn assert(caller: &Caller, host: &Host, request: &mut Request) {
    if caller.number.is_empty() {
        return;
    }
    let mut asserted = NameAddr::new(address(&caller.number, host));
    asserted.display = caller.name.as_deref().map(Into::into);
    request.headers.push(Name::PAssertedIdentity, asserted.to_string());
    if caller.withheld {
        request.headers.push(Name::Privacy, "id");
    }
}
