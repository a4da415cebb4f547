//! The access log.

use std::{
    io,
    sync::{Mutex, OnceLock},
};

use crate::{reader::Socket, world::World};

/// What all servers of this process log. One subscriber for all, set before the first of them runs: what is logged is
/// decided once for each line of the source.
static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps what is logged from now on.
pub(crate) fn keep() {
    static SET: OnceLock<()> = OnceLock::new();
    SET.get_or_init(|| {
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
        log.with_writer(|| Keeper).init();
    });
}

struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        KEPT.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_names_the_token_and_the_route_and_holds_no_secret() {
    let world = World::new().await;
    let session = world.ask("POST", "/v1/session").token("alice").send().await.json();
    let session = session["access_token"].as_str().unwrap().to_owned();
    world
        .get(&format!("/v1/calls/90210?access_token={session}"))
        .header("X-Request-Id", "logged-1")
        .send()
        .await;
    world.get("/v1/agents?access_token=alice-secret").send().await.problem(401, "token");
    world.get("/v1/agents").header("Authorization", "Bearer guessed-secret").send().await;
    drop(Socket::open(&world, "lead", "").await);
    world.streams_open(0).await;

    let text = String::from_utf8(KEPT.lock().unwrap().clone()).unwrap();
    let line = text.lines().find(|line| line.contains("logged-1")).expect("a line");
    for part in [
        "request answered",
        "method=GET",
        "path=\"/v1/calls/{id}\"",
        "status=404",
        "token=\"alice\"",
        "DEBUG",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    for secret in [&session, "alice-secret", "guessed-secret", "90210", "access_token="] {
        let told = text.lines().find(|line| line.contains("hookswitch_http") && line.contains(secret));
        assert_eq!(told, None);
    }
}
