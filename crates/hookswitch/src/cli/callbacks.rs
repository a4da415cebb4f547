//! `hookswitch callbacks`: who is to be called back by a running daemon.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{
    Arguments, Outcome, block_on,
    client::Target,
    lists::{table, text},
};

/// Call-backs: callers who hung up and keep their place in line, and those to be called at a time.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List them, with their places in line
    List(List),
    /// Have a number called back by a queue's agents
    Add(Add),
    /// Take one back; whoever is being rung for it is let go
    Cancel(Cancel),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this queue
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,

    /// Only those in this state: waiting, offered, dialling, connected, completed, cancelled, failed, expired
    #[arg(long, value_name = "STATE")]
    state: Option<String>,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The queue whose agents call
    #[arg(value_name = "QUEUE")]
    queue: String,

    /// Who is called
    #[arg(value_name = "NUMBER")]
    number: String,

    /// Not before this: 2026-11-23T09:00:00+01:00
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// Who is asked first
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Its id
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    target: Target,
}

pub(super) fn run(arguments: &Arguments, command: &Command) -> Outcome {
    match command {
        Command::List(options) => list(arguments, options),
        Command::Add(options) => add(arguments, options),
        Command::Cancel(options) => cancel(arguments, options),
    }
}

fn list(arguments: &Arguments, options: &List) -> Outcome {
    const HEAD: [&str; 9] =
        ["CALL-BACK", "QUEUE", "STATE", "PLACE", "NUMBER", "SINCE", "DIALLED", "NEXT", "AGENT"];
    let base = options.target.base(arguments)?;
    let mut url = path(&base, &["v1", "callbacks"])?;
    for (name, value) in [("queue", &options.queue), ("state", &options.state)] {
        url.query_pairs_mut().extend_pairs(value.iter().map(|value| (name, value)));
    }
    let body = block_on(options.target.get(&base, &below(&url)))??;
    if arguments.json {
        println!("{body}");
        return Ok(());
    }
    let row = |callback: &Value| {
        [
            text(&callback["id"]),
            text(&callback["queue"]),
            text(&callback["state"]),
            text(&callback["position"]),
            text(&callback["number"]["raw"]),
            text(&callback["enqueued_at"]),
            text(&callback["attempts"]),
            text(&callback["next_at"]),
            text(&callback["agent"]),
        ]
    };
    let rows: Vec<_> = body["items"].as_array().into_iter().flatten().map(row).collect();
    print!("{}", table(&HEAD, &rows));
    Ok(())
}

fn add(arguments: &Arguments, options: &Add) -> Outcome {
    let base = options.target.base(arguments)?;
    let Add { queue, number, at, agent, target } = options;
    let mut wish = json!({ "queue": queue, "number": number });
    for (name, value) in [("at", at), ("agent", agent)] {
        if let Some(value) = value {
            wish[name] = json!(value);
        }
    }
    let answer = block_on(target.post(&base, "/v1/callbacks", &wish))??;
    tell(arguments, &answer);
    Ok(())
}

fn cancel(arguments: &Arguments, options: &Cancel) -> Outcome {
    let base = options.target.base(arguments)?;
    let url = path(&base, &["v1", "callbacks", &options.id])?;
    let answer: Value = block_on(async {
        let response = options.target.request(Method::DELETE, &base, &below(&url), &[], Vec::new()).await?;
        response.json().await.context("the daemon answered without JSON")
    })??;
    tell(arguments, &answer);
    Ok(())
}

fn tell(arguments: &Arguments, answer: &Value) {
    if arguments.json {
        println!("{answer}");
    } else {
        println!("{}", text(&answer["callback"]));
    }
}

/// An address whose parts mean what they say, whatever stands in them.
fn path(base: &str, parts: &[&str]) -> anyhow::Result<Url> {
    let mut url = Url::parse(base).with_context(|| format!("{base} is no URL"))?;
    url.path_segments_mut().ok().context("it is no address of a daemon")?.clear().extend(parts);
    Ok(url)
}

/// What stands behind the address of the daemon.
fn below(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}
