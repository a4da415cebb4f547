//! Reports of real journals: of worlds in which the daemon dies and links are lost, and of a daemon that runs.
//!
//! The worlds are those of `tests/sim`; what a report says is compared with a recount of the ledgers that the journal's
//! events carry, made here from their JSON.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail where it stands"
)]

mod manual;
mod recount;
mod refused;
mod running;
mod worlds;

// The simulated world, of which this needs less than its own tests.
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/disk.rs"]
mod disk;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/faults.rs"]
mod faults;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/life.rs"]
mod life;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/office.rs"]
mod office;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/points.rs"]
mod points;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/reader.rs"]
mod reader;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/site.rs"]
mod site;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/told.rs"]
mod told;
#[allow(dead_code, reason = "tests/sim uses the rest")]
#[path = "../sim/world.rs"]
mod world;
