//! `[[token]]`: who may use the API.

use hookswitch_model::AgentId;

use crate::read::{
    Node, Reader,
    value::{boolean, line, name, one_of, text},
};

/// `[[token]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Where it stands: `token[0]`.
    pub key: String,
    /// Its name, unique: who acted, in events.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The agent it belongs to. Of a supervisor: whose device rings when it supervises.
    pub agent: Option<AgentId>,
    /// `sha256:` and the 64 hex digits of the token's text.
    pub hash: String,
    /// It may stand in a URL for long; it may then only dial.
    pub in_url: bool,
}

/// What a token may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Its own calls.
    Agent,
    /// Every call's data, click-to-dial for everybody.
    Crm,
    /// Everything but the configuration.
    Supervisor,
    /// Everything.
    Admin,
}

const ROLES: [(&str, Role); 4] =
    [("agent", Role::Agent), ("crm", Role::Crm), ("supervisor", Role::Supervisor), ("admin", Role::Admin)];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Token> {
    let key = node.key.clone();
    let mut fields = reader.fields(node)?;
    let name = fields.required("name", "who uses it, as in \"crm-frontend\"", line);
    let role = fields.required("role", "agent, crm, supervisor or admin", one_of(&ROLES));
    let agent = fields.optional("agent", self::name);
    let hash = fields.required("hash", "made by `hookswitch token create`", hash);
    let in_url = fields.or("in_url", false, boolean);
    match role {
        Some(Role::Agent) if !fields.has("agent") => {
            let hint = "whose calls are its own, as in agent = \"alice\"";
            fields.error_at("agent", "a token of role agent names no agent", hint);
        }
        Some(Role::Crm) if fields.has("agent") => {
            let hint = "leave it out: a request of a CRM names the agent it is for";
            fields.warn_at("agent", "`agent` does nothing for this role", hint);
        }
        Some(Role::Agent | Role::Crm | Role::Supervisor | Role::Admin) | None => {}
    }
    fields.finish();
    Some(Token { key, name: name?, role: role?, agent, hash: hash?, in_url })
}

fn hash(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(text.to_ascii_lowercase());
    }
    let hint = "sha256: and 64 hex digits; `hookswitch token create` makes both token and hash";
    reader.error(node, "not the hash of a token", hint);
    None
}
