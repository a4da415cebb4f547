//! Rules of the source tree that no compiler knows.

mod arrows;
mod fixtures;
mod text;
mod tree;
