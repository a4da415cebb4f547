//! The access log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::{reader::Socket, world::World};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_line_names_the_token_and_the_route_and_holds_no_secret() {
    let kept = Kept::default();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(kept.clone())
        .with_ansi(false);
    // The runtime of this test has one thread: what the server logs is logged here.
    let guard = tracing::subscriber::set_default(log.finish());
    let world = World::new().await;
    let session = world.ask("POST", "/v1/session").token("alice").send().await.json();
    let session = session["access_token"].as_str().unwrap().to_owned();
    world.get(&format!("/v1/calls/4711?access_token={session}")).header("X-Request-Id", "crm-1").send().await;
    world.get("/v1/agents?access_token=alice-secret").send().await.problem(401, "token");
    world.get("/v1/agents").header("Authorization", "Bearer guessed-secret").send().await;
    drop(Socket::open(&world, "lead", "").await);
    world.streams_open(0).await;
    drop(guard);

    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    // What the client of this test logs itself is not the server's.
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("tungstenite::client")).collect();
    let of_session = lines.iter().find(|line| line.contains("crm-1")).expect("a line");
    for part in ["request answered", "method=GET", "path=\"/v1/calls/{id}\"", "status=404", "token=\"alice\""]
    {
        assert!(of_session.contains(part), "{part}: {of_session}");
    }
    assert!(of_session.contains("DEBUG"), "{of_session}");
    for secret in [&session, "alice-secret", "guessed-secret", "4711", "access_token="] {
        let told = lines.iter().find(|line| line.contains(secret) && line.contains("hookswitch_http"));
        assert_eq!(told, None);
    }
}
