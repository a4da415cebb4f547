//! The worlds a story can be played in: the same acts, other telephones.

mod simulated;
mod telephones;

use std::net::SocketAddr;

use anyhow::{Context as _, Result};

use crate::act::Act;
use crate::ami::Ami;
use crate::asterisk::{Asterisk, HOOKSWITCH_USER, Options, Version};
use crate::cast::Mode;
pub use simulated::Simulated;
pub use telephones::Telephones;

/// Where a story is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A real PBX with scripted SIP phones.
    Asterisk(Version),
    /// The simulator.
    Simulator,
}

/// A PBX with people around it.
#[derive(Debug)]
pub enum World {
    /// Real.
    Real(Box<Real>),
    /// Simulated.
    Simulated(Simulated),
}

/// A real PBX with scripted SIP phones.
#[derive(Debug)]
pub struct Real {
    /// The PBX.
    pub asterisk: Asterisk,
    /// The people at their phones.
    pub telephones: Telephones,
}

impl World {
    /// Sets the PBX up, with everybody's phone registered. It serves from [`World::open`] on.
    ///
    /// # Errors
    /// When this machine cannot have such a PBX.
    pub async fn create(place: Place, mode: Mode) -> Result<Self> {
        match place {
            Place::Asterisk(version) => {
                let asterisk = Asterisk::start(version, Options::default()).await?;
                let telephones = Telephones::connect(asterisk.sip(), asterisk.trunk(), mode).await?;
                Ok(Self::Real(Box::new(Real { asterisk, telephones })))
            }
            Place::Simulator => Simulated::create(mode).await.map(Self::Simulated),
        }
    }

    /// Takes what `hookswitch dialplan` prints (nothing in observe mode), and serves.
    ///
    /// # Errors
    /// When the PBX does not take it.
    pub async fn open(&mut self, dialplan: &str) -> Result<()> {
        match self {
            Self::Real(real) if dialplan.is_empty() => {
                real.asterisk.cli("core waitfullybooted").await.map(drop)
            }
            Self::Real(real) => real.asterisk.set_dialplan(dialplan).await,
            Self::Simulated(simulated) => simulated.open(dialplan),
        }
    }

    /// Where its manager interface is.
    #[must_use]
    pub fn ami(&self) -> SocketAddr {
        match self {
            Self::Real(real) => real.asterisk.ami(),
            Self::Simulated(simulated) => simulated.address(),
        }
    }

    /// User and secret of Hookswitch there.
    #[must_use]
    pub fn credentials(&self) -> (&'static str, &'static str) {
        match self {
            Self::Real(_) => HOOKSWITCH_USER,
            Self::Simulated(_) => ("hookswitch", "hookswitch"),
        }
    }

    /// Another program at the manager interface, that may do everything.
    ///
    /// # Errors
    /// When the PBX is down.
    pub async fn manager(&self) -> Result<Ami> {
        match self {
            Self::Real(real) => real.asterisk.lab_ami().await,
            Self::Simulated(simulated) => {
                let (user, secret) = self.credentials();
                Ami::login(simulated.address(), user, secret).await
            }
        }
    }

    /// The real PBX and its phones.
    ///
    /// # Errors
    /// When it is none.
    pub fn real(&self) -> Result<&Real> {
        match self {
            Self::Real(real) => Ok(real),
            Self::Simulated(_) => None.context("this needs a real PBX"),
        }
    }

    /// Lets somebody do something, and waits until it is done or seen at the phones.
    ///
    /// # Errors
    /// When it cannot be done, or is not seen in time.
    pub async fn perform(&mut self, act: &Act) -> Result<()> {
        match self {
            Self::Real(real) => real.telephones.perform(act).await,
            Self::Simulated(simulated) => simulated.perform(act).await,
        }
    }

    /// Ends everything at the phones.
    pub async fn hang_up_all(&self) {
        match self {
            Self::Real(real) => real.telephones.hang_up_all().await,
            Self::Simulated(simulated) => simulated.hang_up_all(),
        }
    }

    /// The PBX dies with all its calls, and is there again with every phone.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart(&mut self) -> Result<()> {
        match self {
            Self::Real(real) => {
                real.asterisk.restart().await?;
                real.telephones.register_all().await
            }
            Self::Simulated(simulated) => {
                simulated.restart();
                Ok(())
            }
        }
    }

    /// What the phones saw, in order, for failures.
    #[must_use]
    pub fn diary(&self) -> String {
        match self {
            Self::Real(real) => real.telephones.diary(),
            Self::Simulated(simulated) => simulated.diary(),
        }
    }
}
