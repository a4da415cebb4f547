//! The same as callers hear it in their telephones, where Hookswitch is the PBX.

use anyhow::{Result, bail};
use hookswitch_tests::phone::Call;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::World;

use crate::said::TWO_WAIT;

/// The latest call of a person.
fn call<'a>(stage: &'a mut Stage, who: &str) -> Result<&'a Call> {
    match &mut stage.world {
        World::Own(world) => world.telephones()?.latest(who),
        World::Real(_) | World::Simulated(_) => bail!("what is heard there is seen by a manager"),
    }
}

pub(super) async fn the_place(mut stage: Stage) -> Result<()> {
    stage.play_script(TWO_WAIT).await?;
    call(&mut stage, "C")?.wait_hears_sounds(&["queue-youarenext", "queue-thankyou"]).await?;
    let place = ["queue-thereare", "digits/2", "queue-callswaiting", "queue-thankyou"];
    call(&mut stage, "C2")?.wait_hears_sounds(&place).await?;
    stage.play_script("C hangs up; see ended; C2 hangs up; see ended").await
}

/// An agent answers, and what is being said is over.
pub(super) async fn cut_short(mut stage: Stage) -> Result<()> {
    stage.play_script(TWO_WAIT).await?;
    call(&mut stage, "C")?.wait_hears_sounds(&["queue-youarenext"]).await?;
    stage
        .play_script(
            "A goes ready; A rings; A answers; see answered A; C hangs up; A is cut off; see ended; C2 hangs up; see ended",
        )
        .await
}
