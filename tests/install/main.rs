//! A new administrator's first hour: `discover`, `doctor` and `record`, on real PBXs and in the simulator.

mod discover;
mod doctor;
mod record;

use std::net::SocketAddr;
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::asterisk::{HOOKSWITCH_USER, Version, skipped};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::world::{Place, World};

/// What a command wrote to standard output.
fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The output of a command that must succeed.
fn success(output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}{said}", output.status, stdout(output));
    Ok(stdout(output))
}

/// A `[[pbx]]` table as an administrator begins with it.
fn pbx(address: SocketAddr, (username, secret): (&str, &str), mode: Mode) -> String {
    let mode = match mode {
        Mode::Route => "route",
        Mode::Observe => "observe",
    };
    format!(
        "[numbers]\ncountry = \"DE\"\n\n[[pbx]]\nname = \"hq\"\naddress = \"{address}\"\nusername = \"{username}\"\n\
         secret = \"{secret}\"\nmode = \"{mode}\"\nfallback = {{ goto = \"from-internal,600,1\" }}\n\n"
    )
}

const AGENTS: &str = "[[agent]]\nid = \"alice\"\ndevices = [\"PJSIP/1001\"]\nstart = \"ready\"\n\n\
    [[agent]]\nid = \"bob\"\ndevices = [\"PJSIP/1002\"]\nstart = \"ready\"\n\n";

const QUEUE: &str = "[[queue]]\nid = \"support\"\nmembers = { agents = [\"alice\", \"bob\"] }\n\n\
    [[route]]\nname = \"all\"\nqueue = \"support\"\n\n";

/// A PBX with people, in observe mode, serving.
async fn observed(place: Place) -> Result<World> {
    let mut world = World::create(place, Mode::Observe).await?;
    world.open("").await?;
    Ok(world)
}

/// Lets people do things.
async fn play(world: &mut World, sentences: &[&str]) -> Result<()> {
    for sentence in sentences {
        let act = sentence.parse().with_context(|| (*sentence).to_owned())?;
        world.perform(&act).await.with_context(|| format!("{sentence}\n{}", world.diary()))?;
    }
    Ok(())
}
