//! Interval reports: what was told of calls, offers and agents, folded into rows of figures.
//!
//! It refuses to know where events are kept and how they are read (that is the daemon), who asks (that is `http`), and
//! how a figure comes about while a call lives (that is `acd`). It is given facts that are over, and adds them up.
//!
//! ```
//! use hookswitch_model::{Millis, Timestamp};
//! use hookswitch_report::{Grid, Interval, Queues, Span};
//!
//! let zone = hookswitch_report::zone("Europe/Berlin")?;
//! // The day on which the clocks go back: 25 hours.
//! let span = Span::parse(Some("2026-10-25"), Some("2026-10-26"), &zone, Timestamp::default())?;
//! let grid = Grid::new(span, Interval::Hour, zone)?;
//! assert_eq!(grid.len(), 25);
//! let report = Queues::new(grid, Default::default()).finish();
//! let head = report.csv().next().unwrap_or_default();
//! assert!(head.starts_with("from,to,queue,offered,answered,"));
//! # Ok::<(), hookswitch_report::Refused>(())
//! ```
//!
//! # Which interval
//!
//! | figure | counts in the interval |
//! | --- | --- |
//! | of a wait in a queue | in which the call came into that queue |
//! | of a whole call (its ledger) | in which it first came into a queue; outside queues: in which it began |
//! | of an agent's part in a call | in which the agent first had it |
//! | of an offer | in which it ended |
//! | time in a state | in which it passed |
//!
//! # Invariants
//!
//! - Every call that is over is in exactly one row of [`Queues`], and so are its wait, talk and hold: summed over all
//!   rows they are the sums of the ledgers, whatever the interval.
//! - `offered = answered + abandoned + left + lost + open`, in every row.
//! - An agent's times add up to the length of the interval, as far as the agent is known, time logged out included.
//! - Intervals are half open, follow each other without gap and begin anew at each local midnight, on days of 23 and of
//!   25 hours too.

mod agents;
mod queues;
mod range;
mod table;

pub use agents::{AgentRow, Agents, Grouping, Seen};
pub use queues::{Ended, QueueRow, Queues};
pub use range::{Grid, Interval, MOST_INTERVALS, Refused, Span, zone};
pub use table::{Cell, Column, Measures, Report, Row};
