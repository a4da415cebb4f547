//! What a user agent refuses before it looks at what is asked (RFC 3261 section 8.2).

use super::method::Method;
use super::name::Name;
use super::scan::split_outside;
use super::{Request, Response};

/// What this side knows; whatever asks for more is refused with the answer the RFC wants.
#[derive(Debug, Clone)]
pub struct Screen {
    /// The methods that are served. ACK and CANCEL go without saying.
    pub methods: Vec<Method>,
    /// The extensions that are known: `100rel`, `timer`, …
    pub extensions: Vec<Box<str>>,
    /// The bodies that are read, lower case: `application/sdp`, …
    pub bodies: Vec<Box<str>>,
}

impl Screen {
    /// The refusal of a request, or none when it may go on. The To-tag is left to the caller.
    ///
    /// In the order of RFC 3261 section 8.2: 501 for a method nobody knows and 405 for one not served here, 416 for
    /// the scheme, 483 when it may go no further, 420 for an extension, 415 for the body, 406 when no answer could
    /// please. An ACK is never refused: nobody answers an ACK.
    pub fn refuse(&self, request: &Request) -> Option<Response> {
        if request.method == Method::Ack {
            return None;
        }
        self.refuse_method(request)
            .or_else(|| Self::refuse_address(request))
            .or_else(|| self.refuse_extension(request))
            .or_else(|| self.refuse_body(request))
            .or_else(|| self.refuse_answer(request))
    }

    fn refuse_method(&self, request: &Request) -> Option<Response> {
        if request.method == Method::Cancel || self.methods.contains(&request.method) {
            return None;
        }
        let unknown = matches!(request.method, Method::Other(_));
        Some(request.reply(if unknown { 501 } else { 405 }, "").with(Name::Allow, self.allow()))
    }

    fn refuse_address(request: &Request) -> Option<Response> {
        let sip = request.uri.is_sip() || matches!(request.uri.scheme, super::Scheme::Tel);
        if !sip {
            return Some(request.reply(416, ""));
        }
        // A queue server sends calls on: a call that may go no further has gone round in a circle.
        let tired = request.method == Method::Invite && request.headers.max_forwards() == Some(0);
        tired.then(|| request.reply(483, ""))
    }

    fn refuse_extension(&self, request: &Request) -> Option<Response> {
        // CANCEL carries no extensions (RFC 3261 section 8.2.2.3).
        if request.method == Method::Cancel {
            return None;
        }
        let demanded = request.headers.require().chain(request.headers.members(&Name::ProxyRequire));
        let unknown: Vec<_> = demanded
            .filter(|wanted| !self.extensions.iter().any(|known| known.eq_ignore_ascii_case(wanted)))
            .collect();
        (!unknown.is_empty()).then(|| request.reply(420, "").with(Name::Unsupported, unknown.join(", ")))
    }

    fn refuse_body(&self, request: &Request) -> Option<Response> {
        let optional = request.headers.get(&Name::ContentDisposition).is_some_and(|disposition| {
            split_outside(disposition, b';').any(|param| {
                let param = param.replace(' ', "");
                param.eq_ignore_ascii_case("handling=optional")
            })
        });
        if request.body.is_empty() || optional {
            return None;
        }
        let encoded = request
            .headers
            .get(&Name::ContentEncoding)
            .is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
        let kind = request.headers.content_type().unwrap_or_default();
        if !encoded && (kind.starts_with("multipart/") || self.bodies.iter().any(|known| **known == *kind)) {
            return None;
        }
        Some(
            request
                .reply(415, "")
                .with(Name::Accept, self.bodies.join(", "))
                .with(Name::AcceptEncoding, "identity"),
        )
    }

    /// An INVITE whose sender reads no session description cannot be answered (RFC 4475 section 3.3.15).
    fn refuse_answer(&self, request: &Request) -> Option<Response> {
        if request.method != Method::Invite || !request.headers.has(&Name::Accept) {
            return None;
        }
        let takes_sdp = request.headers.members(&Name::Accept).any(|accept| {
            let kind = accept.split(';').next().unwrap_or("").trim();
            ["application/sdp", "application/*", "*/*"].iter().any(|known| kind.eq_ignore_ascii_case(known))
        });
        (!takes_sdp).then(|| request.reply(406, ""))
    }

    /// The value of an Allow header.
    pub fn allow(&self) -> String {
        let mut methods: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        methods.extend(
            ["ACK", "CANCEL"]
                .into_iter()
                .filter(|method| !self.methods.iter().any(|m| m.as_str() == *method)),
        );
        methods.join(", ")
    }
}
