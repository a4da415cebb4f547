//! The daemon and a simulated PBX: for what has to do with neither Asterisk.

use anyhow::Result;
use hookswitch_sim::{CallIn, LegId, MILLISECOND, Mood, Pbx, PbxConfig, SECOND, Sim};
use hookswitch_tests::cast::{self, Mode};
use hookswitch_tests::daemon::Daemon;
use tokio::net::TcpListener;

/// The people of the stories, who answer at once, and a daemon that does not run yet.
pub(crate) struct Office {
    pub(crate) daemon: Daemon,
    pub(crate) sim: Sim,
    pub(crate) pbx: cast::Pbx,
}

impl Office {
    /// `more` is added to the configuration.
    pub(crate) async fn furnish(more: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let credentials = ("hookswitch", "hookswitch");
        let pbx = cast::Pbx { address, credentials, mode: Mode::Route, websocket: None };
        let daemon = Daemon::prepare(&configuration(&pbx, more))?;
        let printed = daemon.command(&["dialplan"]).await?;
        let world = PbxConfig::lab_with_generated(7, &String::from_utf8(printed.stdout)?)?;
        let sim = hookswitch_sim::serve(listener, |now| Pbx::new(world, now))?;
        for phone in ["1001", "1002", "1003", "1004"] {
            sim.set_mood(phone, Mood::Answer { after: 20 * MILLISECOND, at_most: 60 * MILLISECOND });
        }
        Ok(Self { daemon, sim, pbx })
    }
}

/// The configuration of the stories on this PBX, whose webhook nobody hears.
pub(crate) fn configuration(pbx: &cast::Pbx, more: &str) -> String {
    cast::configuration(pbx, "http://127.0.0.1:9/", more)
}

/// Somebody calls support, waits for a minute and talks for a moment.
pub(crate) fn caller(sim: &Sim) -> LegId {
    let mut call = CallIn::new("+49305550001", "5003");
    call.talk = Some(100 * MILLISECOND);
    call.patience = Some(60 * SECOND);
    sim.call_in(call)
}
