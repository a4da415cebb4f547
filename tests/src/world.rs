//! The worlds a story can be played in: the same acts, other telephones.

mod telephones;

use anyhow::Result;

use crate::act::Act;
use crate::asterisk::{Asterisk, Options, Version};
use crate::cast::Mode;
pub use telephones::Telephones;

/// Where a story is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A real PBX with scripted SIP phones.
    Asterisk(Version),
}

/// A PBX with people around it.
#[derive(Debug)]
pub struct World {
    /// The PBX itself.
    pub asterisk: Asterisk,
    /// The people at their phones.
    pub telephones: Telephones,
}

impl World {
    /// Sets the PBX up, with everybody's phone registered.
    ///
    /// # Errors
    /// When this machine cannot have such a PBX.
    pub async fn create(place: Place, mode: Mode, options: Options) -> Result<Self> {
        let Place::Asterisk(version) = place;
        let asterisk = Asterisk::start(version, options).await?;
        let telephones = Telephones::connect(asterisk.sip(), asterisk.trunk(), mode).await?;
        Ok(Self { asterisk, telephones })
    }

    /// Lets somebody do something, and waits until it is done or seen at the phones.
    ///
    /// # Errors
    /// When it cannot be done, or is not seen in time.
    pub async fn perform(&mut self, act: &Act) -> Result<()> {
        self.telephones.perform(act).await
    }

    /// What the phones saw, in order, for failures.
    #[must_use]
    pub fn diary(&self) -> String {
        self.telephones.diary()
    }
}
