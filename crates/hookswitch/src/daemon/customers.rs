//! Customers are asked for beside the engine: questions come out of a commit, answers go back in as inputs. Nothing here
//! can keep a call from ringing.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hookswitch_acd::Engine;
use hookswitch_customers::{Asked, Contact, Customers, Directory, DirectoryError, Put, Search, Source, Told};
use hookswitch_http::{Contacts, ContactsRefused, ContactsReply, ContactsWanted, Upload};
use hookswitch_model::{
    CallId, Millis,
    call::{Candidate, Customer, Direction, MatchKind},
    input::{Input, LookUp},
    setup::LookupSetup,
};
use hookswitch_wire::{object, template::Numbers};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
};
use tracing::{error, info, warn};

use super::{Core, settings::lookup::LookupPrepared};

/// Questions on their way at most: beyond it the answer is an error at once.
const QUESTIONS: usize = 4_096;
/// A CRM that fails is told in the log this often.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// What is looked up where the configuration names no CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// A CRM is asked: the configuration says how long for.
    pub(super) crm: bool,
    /// The directory holds a contact, and so is asked.
    pub(super) directory: Option<LookupSetup>,
}

/// Asks who customers are, and keeps the directory. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    customers: Customers,
    core: Core,
    runtime: Handle,
    places: Arc<Semaphore>,
    standing: watch::Sender<Standing>,
    /// What the configuration says of it.
    now: Mutex<Now>,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Now {
    wait: Millis,
    numbers: Arc<dyn Numbers>,
}

/// When the log was told of a failure last, and how many were not told since.
#[derive(Debug, Default)]
struct Log {
    at: Option<Instant>,
    untold: u64,
}

impl Desk {
    /// A desk over this directory. Runs on the runtime it is made on.
    pub(super) fn new(core: Core, directory: Directory, prepared: LookupPrepared) -> anyhow::Result<Self> {
        let LookupPrepared { crm, numbers, directory_wait: wait, country: _ } = prepared;
        let customers = Customers::new(Arc::clone(&numbers), directory);
        customers.ask_of(crm)?;
        let standing = watch::Sender::new(standing(&customers, wait));
        let inner = Inner {
            customers,
            core,
            runtime: Handle::current(),
            places: Arc::new(Semaphore::new(QUESTIONS)),
            standing,
            now: Mutex::new(Now { wait, numbers }),
            log: Mutex::default(),
        };
        metrics::gauge!("hookswitch_lookup_up").set(1.0);
        let this = Self(Arc::new(inner));
        tokio::spawn(this.clone().watch_directory());
        Ok(this)
    }

    /// What is looked up beside what the configuration says, and every change of it.
    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.0.standing.subscribe()
    }

    /// Another configuration is in force.
    pub(super) fn apply(&self, prepared: LookupPrepared) -> anyhow::Result<()> {
        let LookupPrepared { crm, numbers, country, directory_wait: wait } = prepared;
        self.0.customers.ask_of(crm)?;
        self.0.customers.read_as(Arc::clone(&numbers));
        *self.now() = Now { wait, numbers: Arc::clone(&numbers) };
        self.stand();
        let directory = self.directory();
        self.0.runtime.spawn_blocking(move || {
            if let Err(failure) = directory.read_as(numbers, &country) {
                error!(%failure, "the contacts are still found by the numbers of the country before");
            }
        });
        Ok(())
    }

    /// The first contact makes the directory worth asking, the last one that goes makes it not.
    async fn watch_directory(self) {
        let mut count = self.directory().count();
        while count.changed().await.is_ok() {
            self.stand();
        }
    }

    fn stand(&self) {
        let wait = self.now().wait;
        let standing = standing(&self.0.customers, wait);
        self.0.standing.send_if_modified(|before| std::mem::replace(before, standing) != standing);
    }

    /// Asks, and brings the answer to the engine. False: too many questions are on their way, and the caller says so.
    pub(super) fn ask(&self, question: LookUp, engine: &Engine) -> bool {
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else { return false };
        let LookUp { call: id, number } = question;
        let (call, last_agent) = (engine.call(id).cloned(), engine.last_agent(&number).cloned());
        let asked = Asked { number, call: call.map(Box::new), last_agent };
        let this = self.clone();
        self.0.runtime.spawn(async move {
            let customer = this.who(&asked).await.customer;
            this.0.core.input(Input::Customer { call: id, customer }).await;
            drop(place);
        });
        true
    }

    /// Asks, and counts.
    async fn who(&self, asked: &Asked) -> Told {
        let began = Instant::now();
        let told = self.0.customers.who(asked).await;
        metrics::counter!("hookswitch_lookups_total", "outcome" => told.outcome()).increment(1);
        metrics::histogram!("hookswitch_lookup_seconds").record(began.elapsed().as_secs_f64());
        metrics::gauge!("hookswitch_lookup_up").set(if told.error.is_none() { 1.0 } else { 0.0 });
        self.tell(&told);
        told
    }

    /// One line when it fails, one when it works again; not one a call.
    fn tell(&self, told: &Told) {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        match &told.error {
            Some(why) if log.at.is_none_or(|at| at.elapsed() >= TOLD_EVERY) => {
                let hint = "GET /v1/lookup?number= shows what the CRM answers";
                warn!(%why, not_told = log.untold, hint, "a customer was not looked up");
                *log = Log { at: Some(Instant::now()), untold: 0 };
            }
            Some(_) => log.untold += 1,
            None if log.at.take().is_some() => {
                info!(not_told = log.untold, "customers are looked up again");
                log.untold = 0;
            }
            None => {}
        }
    }

    fn directory(&self) -> Directory {
        self.0.customers.directory().clone()
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self, number: &str) -> Asked {
        let e164 = self.now().numbers.e164(number);
        Asked::number(number, e164.as_deref())
    }

    /// Works on the directory where that may block.
    async fn with_directory<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, ContactsRefused> {
        let directory = self.directory();
        match self.0.runtime.spawn_blocking(move || work(&directory)).await {
            Ok(done) => done.map_err(refused),
            Err(_) => Err(ContactsRefused::Unavailable),
        }
    }
}

fn standing(customers: &Customers, wait: Millis) -> Standing {
    let source = customers.source();
    let directory = (source == Source::Directory).then_some(LookupSetup { route_wait: wait });
    Standing { crm: source == Source::Crm, directory }
}

/// The answer to a question that cannot be asked.
pub(super) fn nobody_could_say(call: CallId) -> Input {
    Input::Customer { call, customer: Customer { kind: MatchKind::Error, candidates: Vec::new() } }
}

/// What was asked before a restart and never answered, also of calls that are over: who reads of them is told who it was.
pub(super) fn pending(engine: &Engine) -> Vec<LookUp> {
    engine
        .unidentified()
        .map(|call| {
            let number = match call.direction {
                Direction::Outbound => &call.dnis,
                Direction::Inbound | Direction::Internal => &call.ani,
            };
            LookUp { call: call.id, number: number.clone() }
        })
        .collect()
}

fn refused(failure: DirectoryError) -> ContactsRefused {
    match failure {
        DirectoryError::Contact(problem) => {
            ContactsRefused::Wrong { why: problem.message, hint: problem.hint.to_owned() }
        }
        DirectoryError::InUse(_)
        | DirectoryError::Behind { .. }
        | DirectoryError::Stopped
        | DirectoryError::Damaged(_)
        | DirectoryError::Io { .. } => {
            error!(%failure, "the directory does not work");
            ContactsRefused::Unavailable
        }
    }
}

impl Contacts for Desk {
    fn page(&self, wanted: ContactsWanted) -> ContactsReply<'_, Bytes> {
        let ContactsWanted { number, text, after, limit } = wanted;
        let search = Search { number, text, after, limit: limit.unwrap_or(100) };
        Box::pin(async move {
            let page = self.with_directory(move |directory| directory.page(&search)).await?;
            Ok(bytes(&json!({ "items": page.items, "next": page.next })))
        })
    }

    fn contact(&self, id: String) -> ContactsReply<'_, Option<Bytes>> {
        Box::pin(async move {
            let contact = self.with_directory(move |directory| directory.get(&id)).await?;
            Ok(contact.map(|contact| bytes(&contact)))
        })
    }

    fn put(&self, id: String, body: Bytes) -> ContactsReply<'_, (Bytes, bool)> {
        Box::pin(async move {
            let mut contact: Contact = serde_json::from_slice(&body).map_err(|error| {
                let shown: String = error.to_string().chars().take(200).collect();
                let hint = r#"{"name":"Erika Muster","numbers":["+49 30 5550001"],"fields":{"tier":"gold"}}"#;
                ContactsRefused::Wrong {
                    why: format!("the body is no contact: {shown}"),
                    hint: hint.to_owned(),
                }
            })?;
            if !contact.id.is_empty() && contact.id != id {
                let (why, hint) = ("the body has another id than the path", "leave it out of the body");
                return Err(ContactsRefused::Wrong { why: why.to_owned(), hint: hint.to_owned() });
            }
            contact.id = id;
            let written = bytes(&contact);
            let put = self.with_directory(move |directory| directory.put(&contact)).await?;
            Ok((written, put == Put::Created))
        })
    }

    fn remove(&self, id: String) -> ContactsReply<'_, bool> {
        Box::pin(self.with_directory(move |directory| directory.remove(&id)))
    }

    fn import(&self, mapping: BTreeMap<String, String>, file: Upload) -> ContactsReply<'_, Bytes> {
        Box::pin(async move {
            let read = Pieces { file, piece: Bytes::new() };
            let report = self.with_directory(move |directory| directory.import(read, &mapping)).await?;
            Ok(bytes(&report))
        })
    }

    fn name(&self, number: String) -> ContactsReply<'_, Option<String>> {
        Box::pin(async move { Ok(Customers::display(&self.who(&self.asked(&number)).await.customer)) })
    }

    fn who(&self, number: String) -> ContactsReply<'_, Bytes> {
        Box::pin(async move {
            let told = Self::who(self, &self.asked(&number)).await;
            let contacts: Vec<Value> =
                told.customer.candidates.iter().map(|one| outputs_of_3cx(one, &number)).collect();
            let customer = object::Customer::from(&told.customer);
            Ok(bytes(&json!({
                "match": customer.kind,
                "candidates": customer.candidates,
                "error": told.error.as_deref(),
                "contacts": contacts,
            })))
        })
    }
}

/// A candidate by the names that 3CX gives to the outputs of a look-up.
fn outputs_of_3cx(candidate: &Candidate, number: &str) -> Value {
    let field = |name: &str| candidate.fields.get(name).cloned();
    let name = candidate.name.clone().unwrap_or_default();
    let (first, last) = name.rsplit_once(' ').unwrap_or(("", &name));
    let outputs = [
        ("ContactID", Some(candidate.id.clone())),
        ("FirstName", field("first_name").or_else(|| Some(first.to_owned()))),
        ("LastName", field("last_name").or_else(|| Some(last.to_owned()))),
        ("CompanyName", field("company")),
        ("Email", field("email")),
        ("PhoneBusiness", Some(number.to_owned())),
        ("EntityId", Some(candidate.id.clone())),
        ("EntityType", Some("Contact".to_owned())),
        ("ContactUrl", field("url")),
    ];
    let outputs = outputs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
    Value::Object(outputs.collect::<Map<_, _>>())
}

/// Every key is a text, so it cannot fail.
fn bytes(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// A file that comes in pieces, read where that may block.
struct Pieces {
    file: Upload,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.file.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let taken = self.piece.len().min(into.len());
        into[..taken].copy_from_slice(&self.piece.split_to(taken));
        Ok(taken)
    }
}
