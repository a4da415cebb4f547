//! `make bench`: figures with peers in the same run.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod burst;
mod latency;
mod parse;
mod pbx;
mod stream;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if let (Some("client"), Some(port)) = (arguments.next().as_deref(), arguments.next()) {
        return parse::client(port.parse()?);
    }
    parse::run()?;
    burst::run()?;
    latency::run()
}
