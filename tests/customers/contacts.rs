//! The embedded directory, over HTTP and the command line, and what a call makes of it.

use std::cell::Cell;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::daemon::token;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn stage() -> Result<(Stage, Reader)> {
    let settings = [token("pbx", "crm", None), token("alice-page", "agent", Some("alice"))].concat();
    let stage = Stage::set(Place::Simulator, Mode::Route, &settings).await?;
    let reader = Reader::websocket(&stage.daemon.api(), "after=0").await?;
    Ok((stage, reader))
}

fn erika() -> Value {
    json!({"name": "Erika Muster", "numbers": ["030 / 555 0001"], "fields": {"tier": "gold"}})
}

/// The customer of the next call that C makes.
async fn customer_of_a_call(stage: &mut Stage, reader: &Reader, calls_before: usize) -> Result<Value> {
    stage.play_script("C dials Q; A answers; C hangs up; A is free").await?;
    // Each event is looked at once.
    let ended = Cell::new(0);
    let event = reader
        .wait("another call.ended", |event| {
            ended.set(ended.get() + usize::from(kind(event) == "call.ended"));
            ended.get() > calls_before
        })
        .await?;
    Ok(event["data"]["call"]["customer"].clone())
}

#[tokio::test]
async fn the_directory_is_asked_as_soon_as_it_holds_a_contact() -> Result<()> {
    let (mut stage, reader) = stage().await?;
    let api = stage.daemon.api();
    let customer = customer_of_a_call(&mut stage, &reader, 0).await?;
    ensure!(customer["match"] == "none", "{customer}");
    api.put("/v1/contacts/7", &erika()).await?;
    let customer = customer_of_a_call(&mut stage, &reader, 1).await?;
    ensure!(customer["match"] == "one" && customer["candidates"][0]["id"] == "7", "{customer}");
    ensure!(customer["candidates"][0]["why"] == "exact E.164", "{customer}");
    let mut pops = reader.all().into_iter().filter(|event| kind(event) == "screen.pop");
    let pop = pops.next_back().context("a pop")?;
    ensure!(text(&pop, "/data/pop/url") == Some("https://crm.example.com/contacts/7"), "{pop}");
    // The last one that goes takes the look-up with it.
    let gone = api.request(Method::DELETE, "/v1/contacts/7", None).await?;
    ensure!(gone.status == StatusCode::OK, "{}", gone.body);
    let customer = customer_of_a_call(&mut stage, &reader, 2).await?;
    ensure!(customer["match"] == "none", "{customer}");
    // The configuration was the same all the time.
    let applied = reader.all().iter().filter(|event| kind(event) == "config.applied").count();
    ensure!(applied <= 1, "{applied} configurations were applied");
    reader.check_chain()
}

#[tokio::test]
async fn contacts_are_written_read_searched_and_removed() -> Result<()> {
    let (mut stage, _) = stage().await?;
    let api = stage.daemon.api();
    let written = api.request(Method::PUT, "/v1/contacts/7", Some(&erika())).await?;
    ensure!(written.status == StatusCode::CREATED, "{}", written.body);
    let written = api.request(Method::PUT, "/v1/contacts/7", Some(&erika())).await?;
    ensure!(written.status == StatusCode::OK && written.body["id"] == "7", "{}", written.body);
    for (search, found) in
        [("", 1), ("?number=%2B49305550001", 1), ("?number=1", 0), ("?q=erika", 1), ("?q=otto", 0)]
    {
        let page = api.get(&format!("/v1/contacts{search}")).await?;
        ensure!(
            page["items"].as_array().map(Vec::len) == Some(found) && page["next"].is_null(),
            "{search}: {page}"
        );
    }
    for (method, path, body, status) in [
        (Method::GET, "/v1/contacts/8", None, 404),
        (Method::DELETE, "/v1/contacts/8", None, 404),
        (Method::GET, "/v1/contacts?limit=0", None, 422),
        (Method::PUT, "/v1/contacts/8", Some(json!({"numbers": ["1"]})), 422),
        (Method::PUT, "/v1/contacts/8", Some(json!({"name": "x", "number": "1"})), 422),
        (Method::PUT, "/v1/contacts/8", Some(json!({"id": "9", "name": "x"})), 422),
        (Method::PUT, "/v1/contacts/8", Some(json!({"name": "x", "url": "javascript:alert(1)"})), 422),
    ] {
        let reply = api.request(method.clone(), path, body.as_ref()).await?;
        ensure!(reply.status == status, "{method} {path}: {} {}", reply.status, reply.body);
        ensure!(reply.content_type == "application/problem+json", "{method} {path}: {}", reply.content_type);
    }
    let agent = api.with_token(Some("alice-page"));
    ensure!(agent.get("/v1/contacts/7").await?["name"] == "Erika Muster", "an agent reads");
    let reply = agent.request(Method::DELETE, "/v1/contacts/7", None).await?;
    ensure!(reply.status == StatusCode::FORBIDDEN, "an agent does not write: {}", reply.status);
    // They are on the disk.
    stage.play_script("the daemon dies; the daemon returns").await?;
    ensure!(stage.daemon.api().get("/v1/contacts/7").await?["name"] == "Erika Muster");
    Ok(())
}

#[tokio::test]
async fn a_file_is_imported_by_the_command_line_and_bad_lines_are_told() -> Result<()> {
    let (stage, _) = stage().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("contacts.csv");
    std::fs::write(&file, "Nr;Kunde;Telefon\n1;Erika;030 5550001\n2;;030 5550002\n3;Otto;0171 5550003\n")?;
    let file = file.to_str().context("a path")?;
    let arguments =
        ["contacts", "import", file, "--map", "Nr=id", "--map", "Kunde=name", "--token", "pbx", "--json"];
    let output = stage.daemon.command(&arguments).await?;
    let report: Value = serde_json::from_slice(&output.stdout).context("a report")?;
    ensure!(report["created"] == 2 && report["refused"] == 1, "{report}");
    ensure!(report["problems"][0]["line"] == 3, "{report}");
    ensure!(output.status.code() == Some(1), "a line that was not taken is a failure");
    let listed =
        stage.daemon.command(&["contacts", "list", "--number", "+491715550003", "--token", "pbx"]).await?;
    let listed = String::from_utf8(listed.stdout)?;
    ensure!(listed.contains("Otto") && !listed.contains("Erika"), "{listed}");
    let removed = stage.daemon.command(&["contacts", "remove", "3", "--token", "pbx"]).await?;
    ensure!(removed.status.success());
    ensure!(stage.daemon.api().get("/v1/contacts").await?["items"].as_array().map(Vec::len) == Some(1));
    Ok(())
}

#[tokio::test]
async fn a_pbx_asks_for_a_name() -> Result<()> {
    let (stage, _) = stage().await?;
    let api = stage.daemon.api();
    api.put("/v1/contacts/7", &erika()).await?;
    let pbx = api.with_token(Some("pbx"));
    for (number, name) in [("%2B49305550001", "Erika Muster"), ("+49305550001", "Erika Muster"), ("0301", "")]
    {
        let reply = pbx.request(Method::GET, &format!("/v1/cnam?number={number}"), None).await?;
        ensure!(reply.status == StatusCode::OK && reply.content_type == "text/plain", "{reply:?}");
        ensure!(reply.body == name, "{number}: {}", reply.body);
    }
    let who = pbx.get("/v1/lookup?number=0305550001").await?;
    ensure!(who["match"] == "one" && who["error"].is_null(), "{who}");
    ensure!(who["contacts"][0]["LastName"] == "Muster" && who["contacts"][0]["ContactID"] == "7", "{who}");
    Ok(())
}
