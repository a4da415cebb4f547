//! Hookswitch as SIP queue server: a back-to-back user agent as one state machine.
//!
//! Phones register, calls come in by trunk or from a phone, wait (182 Queued, or with music), are rung out to phones and
//! numbers, held, transferred, conferred and ended: by what the parties do, and by [orders](Command). What happens is
//! told by [events](Event). Messages, orders and the time come in; messages, media and events go out.
//!
//! ```text
//!            ┌────────── Switch ──────────┐
//! caller ⇄ leg ⇄ call (waiting, attempt,  ⇄ leg ⇄ agent's phone
//!            │    pair, conference)       │ ⇄ leg ⇄ agent's other phone
//!            └────── orders ↑ ↓ events ───┘
//! ```
//!
//! The crate refuses to know queues, agents, offers and ledgers (that is `acd`), and has no socket, clock, task or
//! resolver. The media of a pair goes end to end; only music and conferences are ours.
//!
//! ```
//! use hookswitch_sip::{Flow, Instant, Limits, parse};
//! use hookswitch_switch::{Command, Event, OrderId, Settings, Switch, settings::{Keys, Network, Trunk}};
//!
//! let mut settings = Settings::new("pbx.example");
//! settings.trunks.push(Trunk {
//!     name: "carrier".into(),
//!     from: vec![Network { address: "192.0.2.1".parse()?, prefix: 32 }],
//!     addresses: vec!["sip:192.0.2.1".parse()?],
//!     account: None,
//!     keep_alive: None,
//!     max_calls: None,
//!     outside: true,
//!     trusted: true,
//! });
//! let mut switch = Switch::new(settings, &Keys { nonce: [7; 32], seed: 1 });
//!
//! let invite = b"INVITE sip:5003@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!     From: <sip:+49305550001@192.0.2.1>;tag=1\r\nTo: <sip:5003@198.51.100.1>\r\nCall-ID: 1\r\n\
//!     CSeq: 1 INVITE\r\nContact: <sip:192.0.2.1>\r\nMax-Forwards: 70\r\n\r\n";
//! let (now, flow) = (Instant::EPOCH, Flow::udp("198.51.100.1:5060".parse()?, "192.0.2.1:5060".parse()?));
//! switch.receive(now, flow, parse(invite, &Limits::default())?);
//! let events: Vec<Event> = std::iter::from_fn(|| switch.poll_event()).collect();
//! let [Event::Began(began), Event::Waits { call, .. }] = &events[..] else { panic!("{events:?}") };
//! assert_eq!((began.caller.number.as_str(), began.dialled.as_str()), ("+49305550001", "5003"));
//!
//! switch.command(now, OrderId(1), Command::Queue { call: call.clone(), queue: "support".into() });
//! let sent = std::iter::from_fn(|| switch.poll_transmit()).last().ok_or("an answer")?;
//! assert!(sent.bytes.starts_with(b"SIP/2.0 182 Queued"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants:
//! - A call ends once. Every leg of it leaves once, before.
//! - Every dialog ends: by BYE, by its answer to the INVITE, or because the peer is silent for too long (RFC 4028).
//! - A 2xx to our INVITE is acknowledged whenever it comes; one that comes too late is ended.
//! - At most one offer is open in a dialog (RFC 3264): what comes meanwhile is refused with 491 or 500.
//! - A stranger gets the same answer whoever is asked for, without a trace kept.

mod cause;
mod command;
mod dialog;
mod event;
mod id;
mod identity;
mod line;
mod session;
pub mod settings;
mod spoken;
mod state;
mod switch;
mod timers;
mod voice;

pub use command::{Command, Refused, Supervision, Target};
pub use event::{Began, Caller, Cause, Direction, Diverted, End, Event, Outcome, UserState};
pub use id::{CallId, LegId, NoLeg, OrderId};
pub use line::{Line, NoDevice};
pub use settings::Settings;
pub use switch::{Counters, Load, MediaOut, Switch};
