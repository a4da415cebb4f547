//! The way back of an answer (RFC 3261 section 18.2, RFC 3581).

use std::net::SocketAddr;

use crate::flow::Flow;
use crate::message::{Name, Request, Via};

/// Fills in where a request really came from: `received` when that is not what the Via says or `rport` is asked
/// for, `rport` when it is asked for. Any value the sender put there itself is overwritten.
pub(crate) fn stamp(request: &mut Request, via: &mut Via, flow: &Flow) {
    let source = flow.remote.ip().to_canonical();
    let differs = via.host.ip().is_none_or(|ip| ip.to_canonical() != source);
    let claims = via.params.has("received");
    if via.wants_rport() {
        via.params.set("rport", Some(&flow.remote.port().to_string()));
    }
    if differs || via.wants_rport() {
        via.params.set("received", Some(&source.to_string()));
    } else if claims {
        via.params.remove("received");
    } else {
        return;
    }
    request.headers.replace_first_member(&Name::Via, &via.to_string());
}

/// Where the answer to a request goes: the same connection; for a datagram the address it came from, at the port it
/// came from when `rport` asks for that and at the port the Via names when not.
///
/// `maddr` is not honoured: it would let anyone aim our answers at an address that never spoke to us.
pub(crate) fn reply(via: &Via, flow: &Flow) -> Flow {
    if flow.is_reliable() || via.wants_rport() {
        return *flow;
    }
    let port = via.port.unwrap_or_else(|| flow.transport.default_port());
    Flow { remote: SocketAddr::new(flow.remote.ip(), port), ..*flow }
}
