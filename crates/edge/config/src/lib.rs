//! The configuration: types, loading, and every problem at once.
//!
//! It knows the TOML file of the public contract (section 2) and nothing of how calls are routed, of the rules'
//! language, or of any PBX dialect: [`Checks`] lets those who know look at rules and templates while a file is loaded.
//!
//! ```
//! use hookswitch_config::{load_str, render};
//!
//! let problems = load_str("hookswitch.toml", "
//! [[pbx]]
//! name = 'hq'
//! address = '127.0.0.1:5038'
//! username = 'hookswitch'
//! secret = { env = 'AMI' }
//! fallback = { dial = 'PJSIP/1008' }
//!
//! [[agent]]
//! id = 'alice'
//! devices = ['PJSIP/1001']
//! teams = ['tier1']
//!
//! [[queue]]
//! id = 'support'
//! members = { teams = ['tire1'] }
//! offer_timout = '15s'
//!
//! [[route]]
//! name = 'all'
//! queue = 'support'
//! ").unwrap_err();
//!
//! assert_eq!(problems.len(), 2);
//! assert_eq!((problems[0].line, problems[0].key.as_str()), (16, "queue[0].members.teams[0]"));
//! assert_eq!(problems[0].hint, "did you mean \"tier1\"?");
//! assert_eq!((problems[1].line, problems[1].key.as_str()), (17, "queue[0].offer_timout"));
//! assert!(render(&problems).contains("--> hookswitch.toml:17:1 (queue[0].offer_timout)"));
//! ```
//!
//! # Rules of the file
//!
//! - Unknown keys are errors. Durations are texts with a unit: `"800ms"`, `"20s"`, `"10m"`, `"7h"`, `"30d"`, `"1h30m"`.
//! - `include = ["queues/*.toml"]` reads other files, from the folder of the file it stands in, before the file itself:
//!   lists such as `[[route]]` begin with what was included. A table such as `[server]` stands in one file only.
//! - A secret is `{ env = "NAME" }`, `{ file = "PATH" }` or, for trials, a text. A relative `PATH` is a credential of
//!   systemd where there is one, else a file beside the configuration.
//! - What a key means when it is left out stands in [`defaults`].
//!
//! # Invariants
//!
//! - No text makes loading panic or stop at the first problem.
//! - A [`Config`] that was returned has no errors; what it names exists.
//! - No secret is printed: not by `Debug`, not in a problem, not in the line a problem shows.

mod address;
mod bundle;
mod check;
mod config;
pub mod defaults;
mod duration;
mod glob;
mod load;
mod plan;
mod problem;
mod read;
mod secret;
mod section;
mod source;
mod suggest;

pub use address::{HostPort, InvalidHostPort, SipListen, SipTransport};
pub use bundle::Bundle;
pub use config::Config;
pub use load::{Checks, Finding, RuleFinding, load, load_bundle, load_str, load_str_with, load_with};
pub use plan::{Change, ChangeKind, FieldChange, Impact, Plan, Takes, Useless, plan};
pub use problem::{Problem, Severity, render};
pub use secret::{Secret, SecretError};
pub use section::{
    agent::Agent,
    alias::{Alias, AliasAction, AliasReply},
    announce::Sounds,
    auth::{Auth, Jwks, Jwt},
    crm::{Crm, DirectoryAsked, Lookup, LookupAuth, LookupFormat, LookupMethod, LookupOAuth2, Pop},
    journal::{Cluster, Journal},
    numbers::Numbers,
    pbx::{Asterisk, Fallback, Features, Pbx, PbxKind, Tls},
    queue::Queue,
    route::Route,
    server::{Server, ServerLimits, ServerTls},
    sip::{Digest, Sip, Trunk, TrunkAccount},
    softphone::{Softphone, username as softphone_username},
    token::{Role, Token},
    webhook::{EVENTS, PRESETS, Payload, Webhook},
};
