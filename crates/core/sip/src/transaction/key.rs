//! Which transaction a request belongs to (RFC 3261 section 17.2.3).

use std::fmt::Write as _;

use crate::message::{Method, Request, Via};

/// The key of a request's server transaction. An ACK has the key of its INVITE.
pub(crate) fn of(request: &Request, via: &Via) -> Box<str> {
    as_method(request, via, &request.method)
}

/// The key of the INVITE a CANCEL is about.
pub(crate) fn of_invite(request: &Request, via: &Via) -> Box<str> {
    as_method(request, via, &Method::Invite)
}

/// What every copy of a request outside a dialog has, whatever way it took (RFC 3261 section 8.2.2.2); inside one there are
/// no copies.
pub(crate) fn origin(request: &Request) -> Option<Box<str>> {
    let headers = &request.headers;
    if headers.to_tag().is_some() {
        return None;
    }
    let (from_tag, cseq) = (headers.from_tag()?, headers.cseq()?);
    Some(format!("{} {from_tag} {} {}", headers.call_id()?, cseq.number, request.method).into())
}

fn as_method(request: &Request, via: &Via, method: &Method) -> Box<str> {
    let method = if *method == Method::Ack { &Method::Invite } else { method };
    let mut key = String::with_capacity(96);
    // Writing to a String cannot fail.
    let _ = match via.unique_branch() {
        Some(branch) => write!(key, "{branch} {} {} {method}", via.host, via.port.unwrap_or_default()),
        // RFC 2543: there the whole of what stays the same is the name.
        None => write!(
            key,
            " {} {} {} {} {via} {method}",
            request.uri,
            request.headers.from_tag().unwrap_or(""),
            request.headers.call_id().unwrap_or(""),
            request.headers.cseq().map_or(0, |cseq| cseq.number),
        ),
    };
    // The cookie and the host are the same in any case.
    key.make_ascii_lowercase();
    key.into()
}
