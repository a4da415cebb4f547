//! Who is calling: the CRM that is asked, and the directory for those without one.
//!
//! [`Customers`] answers one question: whose number is this? It asks a CRM over HTTP, as [`CrmSettings`] say, or looks
//! into the embedded [`Directory`]. The answer is none, one or many candidates, best first, each with a score and the
//! reason; or that nobody could say, with an error a person can act on. This crate refuses to know what a call does
//! with it: whether it waits, where it goes, what a screen shows.
//!
//! ```
//! use std::sync::Arc;
//! use hookswitch_customers::{Asked, Contact, Customers, Directory, model::call::MatchKind};
//! use hookswitch_wire::template::{Numbers, PlainNumbers};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
//! let directory = Directory::in_memory(Arc::clone(&numbers));
//! let erika = r#"{"id":"42","name":"Erika Muster","numbers":["+49 30 5550001"],"fields":{"tier":"gold"}}"#;
//! directory.put(&serde_json::from_str::<Contact>(erika)?)?;
//!
//! let customers = Customers::new(numbers, directory);
//! let told = customers.who(&Asked::number("+49305550001", Some("+49305550001"))).await;
//! assert_eq!(told.customer.kind, MatchKind::One);
//! assert_eq!(told.customer.candidates[0].why, "exact E.164");
//! assert_eq!(told.customer.candidates[0].fields["tier"], "gold");
//! # Ok(()) }
//! ```
//!
//! # The way of a question
//!
//! ```text
//! question ─ request rendered ─ cached? ── asked already? ─ circuit open? ─ a place among those on the way
//!              │ not renderable    │ yes     │ wait for it    │ yes            │
//!              ▼                   │         │                ▼                ▼
//!            error ◄───────────────┼─────────┼───────────── error      token → CRM → answer read → ranked
//!                                  └─────────┴──────────────────────────────────────────────────► told
//! ```
//!
//! # Invariants
//!
//! - Every question is answered within the timeout of the settings, whatever the CRM does.
//! - The same request is on its way once, however many wait for it.
//! - Nothing that a CRM answers is larger in memory or in an event than the bounds of [`bounds`].
//! - What failed is not remembered as an answer; that nobody is known is believed for 30 s at most.
//! - A contact that was confirmed survives a power cut.

mod answer;
mod ask;
pub mod bounds;
mod cache;
mod circuit;
mod crm;
mod customers;
mod directory;
mod rank;
mod settings;

pub use ask::Asked;
pub use customers::{Customers, Health, Source, Told};
pub use directory::{
    Contact, ContactProblem, Directory, DirectoryError, ImportProblem, ImportReport, Mapping, Page, Put,
    Search,
};
pub use hookswitch_egress::{OAuth2Settings, Url};
pub use hookswitch_wire::model;
pub use settings::{Auth, BadSettings, CrmSettings, CrmSource, Format};
