//! `make bench`: figures with peers in the same run. `hookswitch-bench NAME…` runs only those: `parse`, `burst`,
//! `restart`, `latency`, `control`, `painted`, `check`, `sip`.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod burst;
mod check;
mod control;
mod latency;
mod painted;
mod parse;
mod pbx;
mod restart;
mod sip;
mod stream;

type Bench = fn() -> anyhow::Result<()>;

const BENCHES: [(&str, Bench); 8] = [
    ("parse", parse::run),
    ("burst", burst::run),
    ("restart", restart::run),
    ("latency", latency::run),
    ("control", control::run),
    ("painted", painted::run),
    ("check", check::run),
    ("sip", sip::run),
];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, port] = arguments.as_slice()
        && first == "client"
    {
        return parse::client(port.parse()?);
    }
    let chosen = |name: &str| arguments.is_empty() || arguments.iter().any(|wanted| wanted == name);
    BENCHES.iter().filter(|(name, _)| chosen(name)).try_for_each(|(_, run)| run())
}
