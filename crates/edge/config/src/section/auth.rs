//! `[auth]`: single sign-on.

use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{line, url},
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
    /// URL of the key set.
    pub jwks: String,
    /// The claim that holds the agent's id.
    pub agent_claim: String,
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
    let jwks = fields.required("jwks", "the URL of the provider's key set", url);
    let agent_claim = fields.or("agent_claim", defaults::AGENT_CLAIM.to_owned(), line);
    fields.finish();
    Some(Jwt { issuer: issuer?, audience: audience?, jwks: jwks?, agent_claim })
}
