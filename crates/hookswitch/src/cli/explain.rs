//! `hookswitch explain`: one imaginary call, routed.

use std::{sync::Arc, time::SystemTime};

use clap::Args;
use hookswitch_acd::Engine;
use hookswitch_http::{ImaginaryCall, Unusable};
use hookswitch_model::{
    ActionId, PbxId, Timestamp,
    agent::{AgentState, DeviceState},
    call::{Address, AttachedData},
    command::{Actor, Command, Request},
    input::Input,
    pbx::{Fact, PbxEvent},
    setup::{PbxSetup, Setup},
};
use hookswitch_wire::object;
use serde_json::{Value, json};

use super::{Arguments, Failure, Outcome, block_on, client::Target};
use crate::daemon::{configuration::Imagined, rules, settings};

/// The call.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --url the configuration alone is asked, with every agent ready; with it a running \
    daemon, with its agents as they are.\n\n\
    Example: hookswitch explain --ani +49305550001 --dnis 5003 --customer tier=gold --at 2026-12-24T10:00:00+01:00"
)]
pub(crate) struct Options {
    /// Who calls; left out: a caller who hides the number
    #[arg(long, value_name = "NUMBER", default_value = "")]
    ani: String,

    /// What is dialled
    #[arg(long, value_name = "NUMBER")]
    dnis: String,

    /// When, in RFC 3339; left out: now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// Attached data, as an IVR would write it; may be repeated
    #[arg(long = "data", value_name = "KEY=VALUE", value_parser = pair)]
    data: Vec<(String, String)>,

    /// A field of the customer's record, as the CRM would answer; may be repeated
    #[arg(long = "customer", value_name = "KEY=VALUE", value_parser = pair)]
    customer: Vec<(String, String)>,

    /// The PBX it comes to; left out: the first of the configuration
    #[arg(long, value_name = "NAME")]
    pbx: Option<PbxId>,

    /// The trunk it comes by
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,

    #[command(flatten)]
    target: Target,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("as in key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let explained = match &options.target.url {
        Some(_) => asked(arguments, options)?,
        None => imagined(arguments, options)?,
    };
    if arguments.json {
        println!("{explained}");
    } else {
        print!("{}", text(&explained));
    }
    Ok(())
}

/// Asks a running daemon.
fn asked(arguments: &Arguments, options: &Options) -> Result<Value, Failure> {
    let data = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<AttachedData>();
    let mut body = json!({"ani": options.ani, "dnis": options.dnis, "data": data(&options.data),
        "customer": data(&options.customer)});
    for (key, value) in [
        ("at", options.at.clone()),
        ("pbx", options.pbx.as_ref().map(ToString::to_string)),
        ("trunk", options.trunk.clone()),
    ] {
        if let Some(value) = value {
            body[key] = value.into();
        }
    }
    let base = options.target.base(arguments)?;
    Ok(block_on(options.target.post(&base, "/v1/explain", &body))??)
}

/// Asks an engine of our own, with every agent ready.
fn imagined(arguments: &Arguments, options: &Options) -> Result<Value, Failure> {
    let config = arguments.load()?;
    let call = ImaginaryCall {
        ani: options.ani.clone(),
        dnis: options.dnis.clone(),
        at: options.at.clone(),
        data: options.data.iter().cloned().collect(),
        pbx: options.pbx.clone(),
        trunk: options.trunk.clone(),
        customer: options.customer.iter().cloned().collect(),
    };
    let imagined = match Imagined::new(call, &config, &*settings::numbers(&config)) {
        Ok(imagined) => imagined,
        Err(Unusable::Asked { why, hint }) => {
            return Err(Failure::usage(format_args!("{why}; hint: {hint}")));
        }
        Err(Unusable::Problems(_) | Unusable::Oldest | Unusable::Busy) => return Err(Failure::Configuration),
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = imagined.at().unwrap_or(Timestamp::from_micros(u64::try_from(now.as_micros()).unwrap_or(0)));
    let setup = Arc::new(config.setup(1));
    let mut engine =
        Engine::new(Arc::clone(&setup), 0).map_err(|errors| anyhow::anyhow!("{}", rules(&errors)))?;
    for input in everybody_ready(&setup, now) {
        engine.handle(now, input);
        while engine.poll_output().is_some() {}
    }
    let mut explained = serde_json::to_value(imagined.put_to(&engine, now))?;
    explained["assumed"] = "every agent ready".into();
    Ok(explained)
}

/// Every PBX is there, every device is idle, and every agent takes calls.
fn everybody_ready(setup: &Setup, now: Timestamp) -> Vec<Input> {
    let fact = |pbx: &PbxId, fact| {
        Input::Pbx(Box::new(PbxEvent { pbx: pbx.clone(), at: now, recovered: false, fact }))
    };
    // Without a link no device could be reached.
    let up = |pbx: &PbxSetup| {
        let version = "imagined".to_owned();
        fact(&pbx.name, Fact::LinkUp { version, restarted: false, gap_from: None, recovered_calls: 0 })
    };
    let mut inputs: Vec<Input> = setup.pbxs.iter().map(up).collect();
    for (at, agent) in setup.agents.iter().enumerate() {
        let idle = |address: &Address| Fact::Device { address: address.clone(), state: DeviceState::Idle };
        inputs.extend(agent.devices.iter().map(|device| fact(&agent.pbx, idle(device))));
        let request =
            Request::SetAgentState { agent: agent.id.clone(), state: AgentState::Ready, reason: None };
        let actor = Actor { name: "explain".to_owned(), agent: None };
        inputs.push(Input::Command(Command { id: ActionId::from_bits(at as u128 + 1), actor, request }));
    }
    inputs
}

/// For people.
fn text(explained: &Value) -> String {
    let assumed = explained["assumed"].as_str().map_or_else(String::new, |what| format!("({what})\n"));
    match serde_json::from_value::<object::Explained>(explained.clone()) {
        Ok(explained) => format!("{explained}{assumed}"),
        // Of a daemon of another version.
        Err(_) => serde_json::to_string_pretty(explained).unwrap_or_default() + "\n",
    }
}
