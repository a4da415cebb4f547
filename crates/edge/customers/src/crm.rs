//! A CRM that is asked over HTTP: within its time, once for the same question, and not while it is down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hookswitch_egress::{
    Answer, Client, Egress, HeaderMap, HeaderName, HeaderValue, OAuth2, Reply, Request, bearer,
};
use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::{
    Asked, BadSettings,
    answer::Record,
    bounds,
    cache::Cache,
    circuit::Circuit,
    settings::{Auth, CrmSettings, Rendered},
};

/// How much later than the timeout a connection is torn down, if it has not been given up by then.
const HARD: Duration = Duration::from_secs(1);
/// How much longer than the timeout an answer may be on its way to who asked.
const MOMENT: Duration = Duration::from_millis(50);

/// Records, or why there are none; shared by all who asked.
pub(crate) type Outcome = Result<Arc<[Record]>, Arc<str>>;

/// Who waits for the same answer.
type Flight = watch::Receiver<Option<Outcome>>;

/// A CRM.
#[derive(Debug)]
pub(crate) struct Crm {
    settings: CrmSettings,
    client: Client,
    auth: Authorization,
    places: Semaphore,
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    cache: Cache<Rendered, Arc<[Record]>>,
    flights: HashMap<Rendered, Flight>,
    circuit: Circuit,
}

#[derive(Debug)]
enum Authorization {
    Fixed(Option<(HeaderName, HeaderValue)>),
    Fetched(OAuth2),
}

/// What came of one request.
struct Came {
    outcome: Result<Vec<Record>, String>,
    /// The CRM is not there, or wants to be left alone.
    down: bool,
    retry_after: Option<Duration>,
}

impl Came {
    fn ok(records: Vec<Record>) -> Self {
        Self { outcome: Ok(records), down: false, retry_after: None }
    }

    /// It answered, but nothing that helps.
    fn unclear(why: impl Into<String>) -> Self {
        Self { outcome: Err(why.into()), down: false, retry_after: None }
    }

    fn down(why: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self { outcome: Err(why.into()), down: true, retry_after }
    }
}

impl Crm {
    /// Nothing is asked yet.
    pub(crate) fn new(settings: CrmSettings) -> Result<Self, BadSettings> {
        let egress = Egress {
            allow_private: settings.allow_private,
            timeout: settings.timeout + HARD,
            // One more than is taken: so what is larger shows.
            max_answer: bounds::ANSWER_BYTES + 1,
            ..Egress::default()
        };
        let client = Client::new(&egress).map_err(|error| BadSettings::new("url", error.to_string(), ""))?;
        let wrong = |hint: &str| BadSettings::new("auth", "the token cannot stand in a header", hint);
        let auth = match &settings.auth {
            Auth::None => Authorization::Fixed(None),
            Auth::Bearer(token) => {
                Authorization::Fixed(Some(bearer(token).ok_or_else(|| wrong("one line of plain text"))?))
            }
            Auth::Basic(user, password) => {
                let mut value =
                    HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
                        .map_err(|_| wrong("user and password"))?;
                value.set_sensitive(true);
                Authorization::Fixed(Some((HeaderName::from_static("authorization"), value)))
            }
            Auth::OAuth2(oauth) => Authorization::Fetched(OAuth2::new(oauth.clone(), client.clone())),
        };
        let shared = Shared {
            cache: Cache::new(bounds::CACHED),
            flights: HashMap::new(),
            circuit: Circuit::default(),
        };
        Ok(Self {
            settings,
            client,
            auth,
            places: Semaphore::new(bounds::AT_ONCE),
            shared: Mutex::new(shared),
        })
    }

    pub(crate) const fn settings(&self) -> &CrmSettings {
        &self.settings
    }

    /// The records of a number, and whether they were remembered. Never takes longer than the timeout.
    pub(crate) async fn ask(self: &Arc<Self>, asked: &Asked) -> (Outcome, bool) {
        let rendered = match self.settings.render(asked) {
            Ok(rendered) => rendered,
            Err(why) => return (Err(why.into()), false),
        };
        let mut flight = match self.join(rendered, asked) {
            Ok(flight) => flight,
            Err((outcome, cached)) => return (outcome, cached),
        };
        // The flight ends by itself in time; the rest is for a machine that is busy.
        let landed = timeout(self.settings.timeout + MOMENT, flight.wait_for(Option::is_some)).await;
        let outcome = match landed {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err("the question was lost".into())),
            Ok(Err(_)) => Err("the question was lost".into()),
            Err(_) => Err(self.too_slow().into()),
        };
        (outcome, false)
    }

    /// Joins who asks the same, or asks; unless the answer is known already.
    fn join(self: &Arc<Self>, rendered: Rendered, asked: &Asked) -> Result<Flight, (Outcome, bool)> {
        let now = Instant::now();
        let mut shared = self.shared();
        if let Some(records) = shared.cache.get(&rendered, now) {
            return Err((Ok(records), true));
        }
        // One whose task is gone without a word is no flight any more.
        let flight = shared.flights.get(&rendered);
        if let Some(flight) =
            flight.filter(|flight| flight.has_changed().is_ok() || flight.borrow().is_some())
        {
            return Ok(flight.clone());
        }
        if shared.flights.len() >= bounds::WAITING {
            return Err((Err("too many questions wait already".into()), false));
        }
        if !shared.circuit.allows(now, self.settings.timeout * 2) {
            return Err((Err("the CRM did not answer before and is left alone for a while".into()), false));
        }
        let (landing, flight) = watch::channel(None);
        shared.flights.insert(rendered.clone(), flight.clone());
        drop(shared);
        let (this, number) =
            (Arc::clone(self), asked.number.e164.clone().unwrap_or_else(|| asked.number.raw.clone()));
        tokio::spawn(async move {
            let outcome = this.fly(&rendered, &number).await;
            this.shared().flights.remove(&rendered);
            landing.send_replace(Some(outcome));
        });
        Ok(flight)
    }

    /// Asks, and remembers what came of it.
    async fn fly(&self, rendered: &Rendered, number: &str) -> Outcome {
        let flight = async {
            // It is never closed.
            let _place = self.places.acquire().await;
            self.request(rendered, number).await
        };
        let came = timeout(self.settings.timeout, flight).await;
        let came = came.unwrap_or_else(|_| Came::down(self.too_slow(), None));
        let now = Instant::now();
        let mut shared = self.shared();
        if came.down {
            shared.circuit.failed(now, came.retry_after);
        } else {
            shared.circuit.succeeded();
        }
        let records: Arc<[Record]> = came.outcome.map_err(Arc::<str>::from)?.into();
        let keep = if records.is_empty() {
            self.settings.cache.min(bounds::NONE_CACHED)
        } else {
            self.settings.cache
        };
        shared.cache.put(rendered.clone(), Arc::clone(&records), now, keep);
        Ok(records)
    }

    async fn request(&self, rendered: &Rendered, number: &str) -> Came {
        match &self.auth {
            Authorization::Fixed(header) => self.send(rendered, header.clone(), number).await,
            Authorization::Fetched(oauth) => {
                let token = match oauth.token().await {
                    Ok(token) => token,
                    Err(error) => return Came::down(error.to_string(), None),
                };
                let answer = self.exchange(rendered, bearer(&token)).await;
                if !matches!(&answer, Answer::Reply { reply, .. } if reply.status == 401) {
                    return self.read(answer, number);
                }
                // It may have ended early: once more, with another one.
                match oauth.renew(&token).await {
                    Ok(token) => self.send(rendered, bearer(&token), number).await,
                    Err(error) => Came::down(error.to_string(), None),
                }
            }
        }
    }

    async fn send(&self, rendered: &Rendered, auth: Option<(HeaderName, HeaderValue)>, number: &str) -> Came {
        let answer = self.exchange(rendered, auth).await;
        self.read(answer, number)
    }

    async fn exchange(&self, rendered: &Rendered, auth: Option<(HeaderName, HeaderValue)>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static(self.settings.reads.accepts()));
        if let Some(body) = &rendered.body {
            let json = body.trim_start().starts_with(['{', '[']);
            let media = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            headers.insert("content-type", HeaderValue::from_static(media));
        }
        headers.extend(auth);
        // What the administrator wrote replaces what goes without saying.
        for (name, value) in &rendered.headers {
            headers.insert(name, value.clone());
        }
        let body = Bytes::from(rendered.body.clone().unwrap_or_default());
        let (method, url) = (self.settings.method.clone(), rendered.url.clone());
        self.client.send(Request { method, url, headers, body }, Timestamp::now()).await
    }

    fn read(&self, answer: Answer, number: &str) -> Came {
        let (reply, retry_after) = match answer {
            Answer::Error(why) | Answer::Reply { broke_off: Some(why), .. } => return Came::down(why, None),
            Answer::Reply { reply, retry_after, broke_off: None } => (reply, retry_after),
        };
        let Reply { status, headers, text } = reply;
        let media = headers.get("content-type").map_or("", String::as_str);
        match status {
            _ if self.settings.reads.means_nobody(status) => Came::ok(Vec::new()),
            200..=299 if text.len() > bounds::ANSWER_BYTES => {
                Came::unclear(format!("the answer has more than {} KiB", bounds::ANSWER_BYTES / 1024))
            }
            200..=299 => match self.settings.reads.read(&text, media, number) {
                Ok(records) => Came::ok(records),
                Err(unclear) => Came::unclear(unclear.to_string()),
            },
            300..=399 => Came::unclear(format!(
                "the CRM answers {status}: redirects are not followed; write the address it leads to"
            )),
            // Asking on with a wrong password may lock the account.
            401 | 403 => Came::down(
                format!("the CRM answers {status}: the credentials are wrong or may not search"),
                None,
            ),
            429 | 500.. => Came::down(format!("the CRM answers {status}"), retry_after),
            _ => Came::unclear(format!("the CRM answers {status}")),
        }
    }

    fn too_slow(&self) -> String {
        format!("no answer within {} ms", self.settings.timeout.as_millis())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // What a panic left behind is still a cache.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
