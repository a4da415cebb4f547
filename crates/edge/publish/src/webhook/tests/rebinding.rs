//! DNS rebinding over real sockets: the connection goes where the check looked, and every connection is checked.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hookswitch_egress::{Client, Found, Lookup};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// A resolver that leads to the receiver first and inside afterwards.
struct Rebinding {
    questions: Arc<AtomicUsize>,
}

impl Lookup for Rebinding {
    fn lookup(&self, name: &str) -> Found {
        let first = self.questions.fetch_add(1, Ordering::Relaxed) == 0;
        let known = name == "crm.test";
        Box::pin(async move {
            let address = if first { [127, 0, 0, 1] } else { [169, 254, 169, 254] };
            if known { Ok(vec![SocketAddr::from((address, 0))]) } else { Err(io::ErrorKind::NotFound.into()) }
        })
    }
}

/// Answers each connection once and closes it; how many came.
async fn receiver() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, requests) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"{}") {
                head.push(connection.read_u8().await.unwrap());
            }
            count.fetch_add(1, Ordering::Relaxed);
            let answer = b"HTTP/1.1 204 -\r\nconnection: close\r\n\r\n";
            connection.write_all(answer).await.unwrap();
        }
    });
    (port, requests)
}

#[tokio::test]
async fn a_name_that_turns_inside_between_two_attempts_is_refused_at_the_second() {
    // The second of two tests in a process finds the provider of the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (port, requests) = receiver().await;
    let url = format!("http://crm.test:{port}/hook");
    let mut settings = WebhookSettings::new("crm", &url, Types::default()).unwrap();
    // The receiver is on this machine; what the name leads to next is refused all the same.
    settings.allow_private = true;
    let questions = Arc::<AtomicUsize>::default();
    let resolver = Rebinding { questions: Arc::clone(&questions) };
    let http = Http::over(&settings, |egress| Client::with_lookup(egress, resolver)).unwrap();
    let post =
        || http.post(Post { id: "1".to_owned(), at: Timestamp::default(), body: "{}".into(), shape: None });

    let Answer::Reply { reply, .. } = post().await else { panic!("the first is allowed") };
    assert_eq!((reply.status, questions.load(Ordering::Relaxed)), (204, 1), "asked once, connected there");

    let Answer::Error(why) = post().await else { panic!("it was reached") };
    assert!(why.contains("crm.test is an address of this link"), "{why}");
    assert_eq!((requests.load(Ordering::Relaxed), questions.load(Ordering::Relaxed)), (1, 2));
}
