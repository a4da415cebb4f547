//! `hookswitch dialplan`.

use clap::Args;
use serde_json::json;

use super::{Arguments, Failure, Outcome};
use crate::daemon::settings;

/// Of which PBX.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hookswitch dialplan > /etc/asterisk/hookswitch.conf\n  \
    echo '#include hookswitch.conf' >> /etc/asterisk/extensions.conf\n  asterisk -rx 'dialplan reload'")]
pub(crate) struct Options {
    /// The PBX's name, where the configuration has several
    pbx: Option<String>,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let mut dialplans = settings::dialplans(&arguments.load()?)?;
    if let Some(wanted) = &options.pbx {
        dialplans.retain(|(pbx, _)| pbx == wanted.as_str());
    }
    match dialplans.as_slice() {
        [(pbx, text)] if arguments.json => println!("{}", json!({"pbx": pbx, "dialplan": text})),
        [(_, text)] => print!("{text}"),
        [] => return Err(Failure::usage("no such PBX of kind \"asterisk\" in the configuration")),
        several => {
            let names: Vec<&str> = several.iter().map(|(pbx, _)| pbx.as_str()).collect();
            return Err(Failure::usage(format_args!(
                "which PBX? The configuration has {}",
                names.join(", ")
            )));
        }
    }
    Ok(())
}
