//! The whole daemon but its sockets, in virtual time, in a world made from a seed. `docs/simulation.md` says what can
//! go wrong there and what must hold.
//!
//! ```text
//! make sim SEEDS=1000      worlds 0 to 999
//! make sim SEED=17         one world, with everything it told
//! ```

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail where it stands"
)]

mod busy_day;
mod disk;
mod faults;
mod life;
mod office;
mod oracles;
mod points;
mod reader;
mod replay;
mod seeds;
mod site;
mod soak;
mod sweep;
mod told;
mod world;
