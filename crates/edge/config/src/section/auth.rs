//! `[auth]`: single sign-on.

use std::path::PathBuf;

use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{line, path, url},
    },
};

/// `[auth]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// Signed tokens of an identity provider.
    pub jwt: Option<Jwt>,
}

/// `[auth.jwt]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwt {
    /// `iss` that is believed.
    pub issuer: String,
    /// `aud` that must be named.
    pub audience: String,
    /// Where the key set is.
    pub jwks: Jwks,
    /// The claim that holds the agent's id.
    pub agent_claim: String,
}

/// `auth.jwt.jwks`: where the provider's public keys are (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jwks {
    /// An `https` URL; `http` on this machine only.
    Url(String),
    /// A file.
    File(PathBuf),
}

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Auth> {
    let mut fields = reader.fields(node)?;
    let auth = Auth { jwt: fields.optional("jwt", jwt) };
    fields.finish();
    Some(auth)
}

fn jwt(reader: &mut Reader, node: &Node<'_>) -> Option<Jwt> {
    let mut fields = reader.fields(node)?;
    let issuer = fields.required("issuer", "the identity provider, as it stands in `iss`", line);
    let audience = fields.required("audience", "the name of this service at the provider, as in `aud`", line);
    let jwks = fields.required("jwks", "the URL of the provider's key set, or a file", jwks);
    let agent_claim = fields.or("agent_claim", defaults::AGENT_CLAIM.to_owned(), line);
    fields.finish();
    Some(Jwt { issuer: issuer?, audience: audience?, jwks: jwks?, agent_claim })
}

fn jwks(reader: &mut Reader, node: &Node<'_>) -> Option<Jwks> {
    let text = line(reader, node)?;
    // Anything else with a slash in it is a URL that lost its scheme.
    if ["/", "./", "../"].iter().any(|start| text.starts_with(start)) || !text.contains('/') {
        return path(reader, node).map(Jwks::File);
    }
    let url = url(reader, node)?;
    let here = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
    if url.starts_with("https://") || here.iter().any(|host| is_at(&url, host)) {
        return Some(Jwks::Url(url));
    }
    let hint = "https://: whoever answers here decides who is let in";
    reader.error(node, format!("{url:?} is not protected on its way"), hint);
    None
}

/// Whether the URL's host is this one, not one that begins like it.
fn is_at(url: &str, host: &str) -> bool {
    url.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
}
