//! Sounds of a queue server of our own, 0.3 s each and of one sample again and again: so a phone knows which it hears.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// The folder they are in.
#[must_use]
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "sounds"].iter().collect()
}

/// The sample of a sound (G.711 µ-law), which no other has.
///
/// # Errors
/// When there is no such sound.
pub fn sample(name: &str) -> Result<u8> {
    let bytes = std::fs::read(folder().join(format!("{name}.ulaw"))).with_context(|| name.to_owned())?;
    bytes.first().copied().context("a sound of no length")
}
