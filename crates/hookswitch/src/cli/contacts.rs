//! `hookswitch contacts`: the embedded directory of a running daemon.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::{Method, Url};
use serde_json::Value;

use super::{Arguments, Failure, Outcome, block_on, client::Target};

/// The contacts that calls are matched with, for those without a CRM.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import a CSV file; contacts with the same ids are replaced, others stay
    Import(Import),
    /// List contacts, all or those that fit
    List(List),
    /// Remove a contact
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file, in UTF-8; its first line names the columns: id, name, company, number, agent, url, others as fields
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What a column with another name is: `--map Kunde=name --map Ruf=number`; `ignore` leaves it out
    #[arg(long, value_name = "COLUMN=MEANING")]
    map: Vec<String>,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those with this number, however it is written
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,

    /// Only those with this text in id, name, company or a field
    #[arg(long, short, value_name = "TEXT")]
    query: Option<String>,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Its id
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    target: Target,
}

pub(super) fn run(arguments: &Arguments, command: &Command) -> Outcome {
    match command {
        Command::Import(import) => run_import(arguments, import),
        Command::List(list) => run_list(arguments, list),
        Command::Remove(remove) => run_remove(arguments, remove),
    }
}

fn run_import(arguments: &Arguments, options: &Import) -> Outcome {
    let base = options.target.base(arguments)?;
    let file = std::fs::read(&options.file).with_context(|| options.file.display().to_string())?;
    let pairs = options.map.iter().map(|pair| match pair.rsplit_once('=') {
        Some((column, meaning)) => Ok(format!("{column}:{meaning}")),
        None => bail!("{pair:?} maps no column; hint: as in --map Kunde=name"),
    });
    let map = pairs.collect::<anyhow::Result<Vec<_>>>()?.join(",");
    let path = path(&base, &["v1", "contacts"], &[("map", Some(map).filter(|map| !map.is_empty()))])?;
    let report: Value = block_on(async {
        let content = [("content-type", "text/csv")];
        let response = options.target.request(Method::PUT, &base, &path, &content, file).await?;
        response.json().await.context("the daemon answered without JSON")
    })??;
    let refused = report["refused"].as_u64().unwrap_or_default();
    if arguments.json {
        println!("{report}");
    } else {
        tell(&report);
    }
    if refused == 0 {
        return Ok(());
    }
    Err(Failure::Running(anyhow::anyhow!("{refused} lines were not taken; the others were")))
}

fn tell(report: &Value) {
    let count = |what: &str| report[what].as_u64().unwrap_or_default();
    println!(
        "{} read: {} created, {} changed, {} as they were, {} refused",
        count("read"),
        count("created"),
        count("changed"),
        count("unchanged"),
        count("refused")
    );
    for problem in report["problems"].as_array().into_iter().flatten() {
        let text = |what: &str| problem[what].as_str().unwrap_or_default();
        println!("line {}: {}\n  hint: {}", problem["line"], text("why"), text("hint"));
    }
}

fn run_list(arguments: &Arguments, options: &List) -> Outcome {
    let base = options.target.base(arguments)?;
    block_on(async {
        let mut after = None;
        loop {
            let query = [("number", options.number.clone()), ("q", options.query.clone()), ("after", after)];
            let page = options.target.get(&base, &path(&base, &["v1", "contacts"], &query)?).await?;
            for contact in page["items"].as_array().into_iter().flatten() {
                if arguments.json {
                    println!("{contact}");
                } else {
                    println!("{}", line(contact));
                }
            }
            after = page["next"].as_str().map(str::to_owned);
            if after.is_none() {
                return anyhow::Ok(());
            }
        }
    })??;
    Ok(())
}

/// `7  Erika Muster, Acme  +49 30 5550001`.
fn line(contact: &Value) -> String {
    let text = |what: &str| contact[what].as_str();
    let names: Vec<&str> = [text("name"), text("company")].into_iter().flatten().collect();
    let numbers = contact["numbers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    format!("{}  {}  {}", text("id").unwrap_or("-"), names.join(", "), numbers.collect::<Vec<_>>().join(", "))
}

fn run_remove(arguments: &Arguments, options: &Remove) -> Outcome {
    let base = options.target.base(arguments)?;
    let path = path(&base, &["v1", "contacts", &options.id], &[])?;
    block_on(options.target.request(Method::DELETE, &base, &path, &[], Vec::new()))??;
    Ok(())
}

/// Path and query, encoded.
fn path(base: &str, segments: &[&str], query: &[(&str, Option<String>)]) -> anyhow::Result<String> {
    let mut url: Url = base.parse().with_context(|| format!("{base} is no URL"))?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(segments);
    }
    for (name, value) in query {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    Ok(format!("{}{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_searches_are_encoded() {
        let query = [("number", Some("+49 30".to_owned())), ("q", None)];
        let whole = path("http://127.0.0.1:8088", &["v1", "contacts", "a/b ?"], &query).unwrap();
        assert_eq!(whole, "/v1/contacts/a%2Fb%20%3F?number=%2B49+30");
    }
}
