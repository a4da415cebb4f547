//! What the targets call: the same functions as the mutation tests of the crates, which run on every change. Here a fuzzer
//! that sees coverage drives them.

#[path = "../../crates/core/sip/tests/hostile/victim.rs"]
mod victim;

#[path = "../../crates/core/ami/tests/entries/mod.rs"]
pub mod ami;
#[path = "../../crates/core/media/tests/entries/mod.rs"]
pub mod media;
#[path = "../../crates/core/sip/tests/hostile/entries.rs"]
pub mod sip;
