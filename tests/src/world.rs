//! The worlds a story can be played in: the same acts, other telephones.

mod simulated;
mod telephones;

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

use crate::act::Act;
use crate::ami::Ami;
use crate::asterisk::{Asterisk, HOOKSWITCH_USER, Options, Version};
use crate::cast::{self, Mode, Own};
use crate::kamailio::{Kamailio, Ways};
use crate::ports::free_port;
pub use simulated::Simulated;
pub use telephones::{Lines, Telephones};

/// Where a story is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A real PBX with scripted SIP phones.
    Asterisk(Version),
    /// The simulator.
    Simulator,
    /// Hookswitch itself, by SIP, with scripted SIP phones.
    Hookswitch,
    /// The same, with a real Kamailio between it and everybody else.
    BehindKamailio,
}

impl Place {
    /// Whether Hookswitch is the PBX.
    #[must_use]
    pub fn is_own(self) -> bool {
        matches!(self, Self::Hookswitch | Self::BehindKamailio)
    }
}

/// A PBX with people around it.
#[derive(Debug)]
pub enum World {
    /// Real.
    Real(Box<Real>),
    /// Simulated.
    Simulated(Simulated),
    /// The daemon under test, with scripted SIP phones.
    Own(Box<OwnWorld>),
}

/// A real PBX with scripted SIP phones.
#[derive(Debug)]
pub struct Real {
    /// The PBX.
    pub asterisk: Asterisk,
    /// The people at their phones.
    pub telephones: Telephones,
}

/// The daemon as the PBX: its phones register once it runs.
#[derive(Debug)]
pub struct OwnWorld {
    /// Where it listens, and the trunk.
    pub own: Own,
    proxy: Option<(Kamailio, Ways)>,
    telephones: Option<Telephones>,
}

impl OwnWorld {
    async fn create(place: Place) -> Result<Self> {
        let own = Own::somewhere();
        let proxy = match place {
            Place::BehindKamailio => {
                let at = |last: u8| SocketAddr::from(([127, 0, 0, last], free_port()));
                let ways = Ways {
                    trunk: own.trunk,
                    phones: at(1),
                    hookswitch: own.address,
                    fallback: at(3),
                    carrier: at(3),
                };
                Some((Kamailio::start(&ways).await?, ways))
            }
            Place::Asterisk(_) | Place::Simulator | Place::Hookswitch => None,
        };
        Ok(Self { own, proxy, telephones: None })
    }

    /// Whom phones and customers talk to, and where customers are.
    fn lines(&self) -> Lines {
        let Own { address, trunk, rtp: _ } = self.own;
        match &self.proxy {
            None => Lines { phones_to: address, trunk, trunk_to: address },
            Some((_, ways)) => Lines { phones_to: ways.phones, trunk: ways.carrier, trunk_to: ways.trunk },
        }
    }

    /// The people at their phones.
    ///
    /// # Errors
    /// Before the daemon runs.
    pub fn telephones(&mut self) -> Result<&mut Telephones> {
        self.telephones.as_mut().context("nobody has a phone before the daemon runs")
    }
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
            Place::Hookswitch | Place::BehindKamailio => {
                Ok(Self::Own(Box::new(OwnWorld::create(place).await?)))
            }
        }
    }

    /// The configuration of the stories for this PBX, which the daemon is to reach at `wire`.
    #[must_use]
    pub fn configuration(&self, wire: SocketAddr, mode: Mode, webhook: &str, more: &str) -> String {
        match self {
            Self::Own(own) => cast::own_configuration(&own.own, webhook, more),
            Self::Real(_) | Self::Simulated(_) => {
                let websocket = self.real().ok().map(|real| real.asterisk.websocket());
                let pbx = cast::Pbx { address: wire, credentials: self.credentials(), mode, websocket };
                cast::configuration(&pbx, webhook, more)
            }
        }
    }

    /// The daemon runs, with these settings beside the usual ones: phones that register with it can do so now.
    ///
    /// # Errors
    /// When it does not take a registration.
    pub async fn daemon_runs(&mut self, settings: &str) -> Result<()> {
        let Self::Own(world) = self else { return Ok(()) };
        match &world.telephones {
            Some(telephones) => telephones.register_all().await,
            None => {
                let gina = settings.contains("id = \"gina\"");
                world.telephones = Some(Telephones::with_passwords(world.lines(), gina).await?);
                Ok(())
            }
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
            Self::Own(_) => Ok(()),
        }
    }

    /// Where its manager interface is; where SIP is, if it has none.
    #[must_use]
    pub fn ami(&self) -> SocketAddr {
        match self {
            Self::Real(real) => real.asterisk.ami(),
            Self::Simulated(simulated) => simulated.address(),
            Self::Own(world) => world.own.address,
        }
    }

    /// User and secret of Hookswitch there.
    #[must_use]
    pub fn credentials(&self) -> (&'static str, &'static str) {
        match self {
            Self::Real(_) => HOOKSWITCH_USER,
            Self::Simulated(_) | Self::Own(_) => ("hookswitch", "hookswitch"),
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
            Self::Own(_) => bail!("Hookswitch has no manager interface"),
        }
    }

    /// The real PBX and its phones.
    ///
    /// # Errors
    /// When it is none.
    pub fn real(&self) -> Result<&Real> {
        match self {
            Self::Real(real) => Ok(real),
            Self::Simulated(_) | Self::Own(_) => None.context("this needs a real PBX"),
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
            Self::Own(world) => world.telephones()?.perform(act).await,
        }
    }

    /// Ends everything at the phones.
    pub async fn hang_up_all(&self) {
        match self {
            Self::Real(real) => real.telephones.hang_up_all().await,
            Self::Simulated(simulated) => simulated.hang_up_all(),
            Self::Own(world) => {
                if let Some(telephones) = &world.telephones {
                    telephones.hang_up_all().await;
                }
            }
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
            Self::Own(_) => bail!("it restarts with the daemon"),
        }
    }

    /// What the phones saw, in order, for failures.
    #[must_use]
    pub fn diary(&self) -> String {
        match self {
            Self::Real(real) => real.telephones.diary(),
            Self::Simulated(simulated) => simulated.diary(),
            Self::Own(world) => {
                let diary = world.telephones.as_ref().map_or(String::new(), Telephones::diary);
                let proxy = world.proxy.as_ref().map_or(String::new(), |(kamailio, _)| kamailio.log());
                format!("{diary}\n{proxy}")
            }
        }
    }
}
