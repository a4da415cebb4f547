//! `hookswitch token`.

use std::{fs, io::Read};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Arguments, Outcome};

/// API tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a token; it is printed once, the configuration keeps its hash
    Create(Create),
}

/// What the token may do.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What it may do
    #[arg(long, value_enum)]
    role: Role,
    /// A name for logs and audit
    #[arg(long)]
    name: String,
    /// Whose it is, for the role agent; of a supervisor: whose device rings when it supervises
    #[arg(long, required_if_eq("role", "agent"))]
    agent: Option<String>,
    /// It may stand in a URL, and so may only dial
    #[arg(long)]
    in_url: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// An agent: own calls, own state
    Agent,
    /// A CRM: reads everything, attaches data, dials and controls in the name of agents
    Crm,
    /// A supervisor: everybody's state and skills, listens in
    Supervisor,
    /// Everything
    Admin,
}

pub(super) fn run(arguments: &Arguments, command: &Command) -> Outcome {
    let Command::Create(create) = command;
    let token = random_token()?;
    let hash = hash(&token);
    let role = format!("{:?}", create.role).to_lowercase();
    if arguments.json {
        let report = json!({"name": create.name, "role": role, "agent": create.agent, "in_url": create.in_url, "token": token, "hash": hash});
        println!("{report}");
        return Ok(());
    }
    println!("{token}\n\nIt is shown only now. Put this into the configuration:\n\n[[token]]");
    println!("name = {}\nrole = {}", toml_string(&create.name), toml_string(&role));
    if let Some(agent) = &create.agent {
        println!("agent = {}", toml_string(agent));
    }
    println!("hash = {}", toml_string(&hash));
    if create.in_url {
        println!("in_url = true");
    }
    Ok(())
}

/// 256 bits from the system, in hexadecimal, with a prefix that secret scanners can find.
pub(super) fn random_token() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("no randomness from /dev/urandom")?;
    Ok(format!("hs_{}", hex(&bytes)))
}

/// The form the configuration keeps.
pub(super) fn hash(token: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(token.as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A TOML basic string is a JSON string, but for characters no name has.
fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_the_tokens_text() {
        assert_eq!(hash("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_ne!(random_token().unwrap(), random_token().unwrap());
    }
}
