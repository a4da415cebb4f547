//! A webhook whose receiver wants a token: fetched once, fetched again when it is over or refused, shown to nobody.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use common::{append, applied, held};
use hookswitch_egress::OAuth2Settings;
use hookswitch_journal::{Cursor, Journal, MemoryJournal};
use hookswitch_publish::{DeliveryState, DeliveryView, Types, WebhookSettings, Webhooks};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

const SECRET: &str = "s3cret-of-the-client";
const REFRESH: &str = "r3fresh-of-the-client";

/// How the receiver treats tokens, which it numbers: `t0ken-1`, `t0ken-2`, …
#[derive(Debug, Clone, Copy)]
struct Policy {
    expires_in: u64,
    /// Tokens up to this one are refused: they were revoked.
    revoked: usize,
    /// What the token endpoint says instead of a token.
    denies: Option<&'static str>,
}

const GENEROUS: Policy = Policy { expires_in: 3_600, revoked: 0, denies: None };

/// A receiver and its token endpoint.
#[derive(Debug)]
struct Receiver {
    address: SocketAddr,
    /// In order: `token` with the body, `hook` with the `Authorization`.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start(policy: Policy) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, policy, Arc::clone(&kept)));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// What came to the hook.
    fn authorised(&self) -> Vec<String> {
        let hooks = self.asked().into_iter();
        hooks.filter_map(|line| line.strip_prefix("hook ").map(str::to_owned)).collect()
    }

    fn tokens(&self) -> usize {
        self.asked().iter().filter(|line| line.starts_with("token ")).count()
    }
}

async fn serve(connection: TcpStream, policy: Policy, asked: Arc<Mutex<Vec<String>>>) {
    let mut connection = BufReader::new(connection);
    while let Some((path, authorization, body)) = read_request(&mut connection).await {
        let answer = if path == "/token" {
            let number = {
                let mut asked = asked.lock().unwrap();
                asked.push(format!("token {body}"));
                asked.iter().filter(|line| line.starts_with("token ")).count()
            };
            match policy.denies {
                Some(error) => (400, format!(r#"{{"error":"{error}"}}"#)),
                None => (
                    200,
                    format!(
                        r#"{{"access_token":"t0ken-{number}","token_type":"Bearer","expires_in":{}}}"#,
                        policy.expires_in
                    ),
                ),
            }
        } else {
            let number = authorization.rsplit('-').next().and_then(|number| number.parse::<usize>().ok());
            asked.lock().unwrap().push(format!("hook {authorization}"));
            (if number.is_some_and(|number| number > policy.revoked) { 200 } else { 401 }, String::new())
        };
        let (status, body) = answer;
        let head = format!("HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\n");
        let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// Path, `Authorization`, body.
async fn read_request(connection: &mut BufReader<TcpStream>) -> Option<(String, String, String)> {
    let (mut line, mut length, mut authorization) = (String::new(), 0, String::new());
    connection.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    loop {
        line.clear();
        connection.read_line(&mut line).await.ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?
            }
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                value.clone_into(&mut authorization)
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    Some((path, authorization, String::from_utf8(body).unwrap()))
}

/// All that was logged, at the finest level.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Delivers so many events one after another. Neither log nor deliveries nor settings may show what is secret.
async fn deliver(receiver: &Receiver, events: u128, refresh: Option<&str>) -> Vec<DeliveryView> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    // Tests run on one thread each.
    let _logged = tracing::subscriber::set_default(subscriber);
    tracing::trace!("all of this is read");
    let url = |path: &str| format!("http://{}{path}", receiver.address);
    let mut settings = WebhookSettings::new("crm", &url("/hook"), Types::default()).unwrap();
    settings.allow_private = true;
    let oauth2 = OAuth2Settings {
        token_url: url("/token").parse().unwrap(),
        client_id: "hookswitch".to_owned(),
        client_secret: SECRET.to_owned(),
        refresh_token: refresh.map(str::to_owned),
        scope: Some("calls".to_owned()),
    };
    settings.oauth2 = Some((oauth2, "Bearer".to_owned()));
    settings.give_up_after = std::time::Duration::from_millis(1);
    let shown = format!("{settings:?}");
    let mut journal = MemoryJournal::new();
    append(&mut journal, [applied(1)]);
    let cursors = journal.cursors();
    cursors.set("webhook crm", &Cursor { seq: 1, ..Default::default() }).unwrap();
    let webhooks =
        Webhooks::start(&journal.reader(), &cursors, vec![settings], &CancellationToken::new()).unwrap();
    let mut views = Vec::new();
    for number in 1..=events {
        append(&mut journal, [held(number, "alice")]);
        let place = usize::try_from(number).unwrap() - 1;
        views.push(settled(&webhooks, place).await);
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("all of this is read"));
    for shown in [shown, format!("{views:?}"), logged] {
        for secret in [SECRET, REFRESH, "t0ken-"] {
            assert!(!shown.contains(secret), "{secret} is shown: {shown}");
        }
    }
    views
}

/// The delivery once it is settled.
async fn settled(webhooks: &Webhooks, place: usize) -> DeliveryView {
    loop {
        let mut deliveries = webhooks.deliveries("crm").unwrap();
        deliveries.reverse();
        if let Some(delivery) = deliveries.into_iter().nth(place)
            && delivery.state != DeliveryState::Pending
        {
            return delivery;
        }
        tokio::task::yield_now().await;
    }
}

fn all_delivered(views: &[DeliveryView]) {
    for view in views {
        assert_eq!(view.state, DeliveryState::Delivered);
        assert_eq!(view.attempts.len(), 1, "the receiver's first answer is not told as a failure");
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_and_sent_with_each_delivery() {
    let receiver = Receiver::start(GENEROUS).await;
    all_delivered(&deliver(&receiver, 3, None).await);
    assert_eq!(receiver.authorised(), ["Bearer t0ken-1"; 3]);
    let asked = &receiver.asked()[0];
    assert!(
        asked.starts_with("token grant_type=client_credentials&scope=calls&client_id=hookswitch&"),
        "{asked}"
    );
    assert_eq!(receiver.tokens(), 1);
}

#[tokio::test]
async fn a_token_that_is_over_is_fetched_again_before_it_is_refused() {
    let receiver = Receiver::start(Policy { expires_in: 0, ..GENEROUS }).await;
    all_delivered(&deliver(&receiver, 3, Some(REFRESH)).await);
    assert_eq!(receiver.authorised(), ["Bearer t0ken-1", "Bearer t0ken-2", "Bearer t0ken-3"]);
    let grant = format!("token grant_type=refresh_token&refresh_token={REFRESH}&");
    assert!(
        receiver.asked().iter().filter(|line| line.starts_with("token")).all(|line| line.starts_with(&grant))
    );
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_and_the_delivery_sent_again() {
    let receiver = Receiver::start(Policy { revoked: 1, ..GENEROUS }).await;
    all_delivered(&deliver(&receiver, 2, None).await);
    assert_eq!(receiver.authorised(), ["Bearer t0ken-1", "Bearer t0ken-2", "Bearer t0ken-2"]);
    assert_eq!(receiver.tokens(), 2);
}

#[tokio::test]
async fn a_receiver_that_refuses_every_token_is_given_one_more_each_time_and_not_a_flood() {
    let receiver = Receiver::start(Policy { revoked: usize::MAX, ..GENEROUS }).await;
    let views = deliver(&receiver, 1, None).await;
    assert_ne!(views[0].state, DeliveryState::Delivered);
    let attempts = &views[0].attempts;
    assert!(attempts.iter().all(|attempt| attempt.status == Some(401)), "{attempts:?}");
    assert_eq!(receiver.authorised().len(), 2 * attempts.len());
    assert!(receiver.tokens() <= 2 * attempts.len());
}

#[tokio::test]
async fn a_client_that_gets_no_token_is_told_why_and_delivers_nothing() {
    let receiver = Receiver::start(Policy { denies: Some("invalid_client"), ..GENEROUS }).await;
    let views = deliver(&receiver, 1, None).await;
    assert_ne!(views[0].state, DeliveryState::Delivered);
    let error = views[0].attempts[0].error.clone().unwrap();
    assert!(error.contains("no OAuth 2 token: the server says invalid_client (400)"), "{error}");
    assert!(receiver.authorised().is_empty());
}
