//! Hostile input: wrong by plan and wrong by chance. Nothing panics, and what is answered is small.

mod chance;
mod documents;
mod entries;
mod plan;
mod victim;
