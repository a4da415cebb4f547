//! The harness of the tests that run the whole daemon: real PBXs, telephones, readers of events.
//!
//! It refuses to use any crate under test: what Hookswitch says is compared with what the phones saw, so the eyes
//! must be others than the mouth.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`asterisk`] | a real Asterisk 22 or 16 with its own ports and configuration |
//! | [`phone`] | a scripted SIP phone |
//! | [`kamailio`] | a real proxy between them |
//! | [`sipp`] | many callers and agents at once |
//! | [`ami`] | an AMI client that stirs the PBX and records streams |
//! | [`daemon`] | the program under test |
//! | [`http`], [`events`], [`webhook`] | its clients: requests, readers of the stream, a CRM that takes deliveries |
//! | [`expect`], [`invariants`] | what a story expects of its events; what holds of all events |
//! | [`cast`], [`act`] | the people of the stories and what they can do |
//! | [`world`], [`stage`] | a PBX with these people; the daemon beside it, and stories played there |
//! | [`desktops`] | many agents at their desktops at once, pages in Chromium among them |
//! | [`node`] | a script of Node at the screen, while a story is played |
//! | [`proxy`] | a wire that can be cut |
//! | [`ports`] | free ports on loopback |
//! | [`sounds`] | what a queue server of our own says |
//!
//! Nothing in it sleeps to give something time to happen: every verb waits for what it names, and fails with the
//! story so far when that does not come in time.

pub mod act;
pub mod ami;
pub mod asterisk;
pub mod cast;
pub mod daemon;
pub mod desktops;
pub mod events;
pub mod expect;
pub mod http;
pub mod invariants;
pub mod kamailio;
pub mod node;
pub mod phone;
pub mod ports;
pub mod proxy;
pub mod sipp;
pub mod sounds;
pub mod stage;
pub mod webhook;
pub mod world;
