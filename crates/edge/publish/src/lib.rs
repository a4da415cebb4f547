//! Followers of the journal: the hub that WebSocket, SSE and polling readers read from, and webhooks.
//!
//! A follower has a cursor of its own. One that is slow or dead slows nobody: not the engine, not the journal, not
//! another follower. This crate refuses to know what an event means; it filters by [`Meta`] and passes bytes on.
//!
//! ```
//! use hookswitch_journal::{Journal, Kind, MemoryJournal, Record};
//! use hookswitch_publish::{Filter, Hub};
//! use hookswitch_wire::{encode, model::{EventId, Timestamp, event::{Event, EventKind}}};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let mut journal = MemoryJournal::new();
//! let mut stream = Hub::new(journal.reader()).subscribe(None, Filter::default());
//! assert_eq!(stream.next_batch().await?[0].type_name, "stream.hello");
//!
//! let kind = EventKind::ConfigApplied { version: 1, previous: None };
//! let at = Timestamp::from_millis(1);
//! let event = Event { id: EventId::from_bits(1), at, pbx: None, recovered: false, action: None, kind };
//! let encoded = encode(&event, 1, None);
//! journal.append(&mut vec![Record { kind: Kind::Event, at, meta: Some(encoded.meta), payload: encoded.json }])?;
//! assert_eq!(stream.next_batch().await?[0].type_name, "config.applied");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants:
//! - All readers see the same events in the same order, equal but for `prev`.
//! - A chain of `prev` has no silent break: what is missing is admitted by `stream.gap`.
//! - A webhook's cursor passes an event only once it is settled; the events of a call are posted one after another.
//! - Nothing is published that is not durable, because the journal shows nothing else.

mod filter;
mod hub;
mod webhook;

pub use filter::{Filter, NotAPattern, Scope, TypePattern, Types};
pub use hookswitch_wire::Meta;
pub use hub::{Bound, Closed, EventPage, Frame, Hub, MAX_PAGE, Notice, Subscription};
pub use webhook::{
    AgentCard, Attempt, DeliveryState, DeliveryView, Dialect, NotASecret, Preset, PresetError, SuccessTest,
    WebhookError, WebhookSecret, WebhookSettings, WebhookState, WebhookView, Webhooks,
};
