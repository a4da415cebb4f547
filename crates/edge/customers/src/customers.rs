//! The one who is asked: a CRM, or the directory, or nobody.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use hookswitch_wire::{
    model::call::{Customer, MatchKind},
    template::Numbers,
};
use tokio::time::timeout;

use crate::{Asked, BadSettings, CrmSettings, Directory, answer::Record, crm::Crm, rank::rank};

/// How long the directory may take: it is on the own disk.
const DIRECTORY: Duration = Duration::from_secs(2);
/// Characters of a name on a telephone's display.
const DISPLAY: usize = 64;

/// Knows who calls. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Customers(Arc<Inner>);

struct Inner {
    numbers: ArcSwap<Arc<dyn Numbers>>,
    crm: ArcSwapOption<Crm>,
    directory: Directory,
    health: Mutex<Health>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Customers").field("crm", &self.crm.load().is_some()).finish_non_exhaustive()
    }
}

/// Who is asked at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A CRM.
    Crm,
    /// The embedded directory: there is no CRM, and the directory holds a contact.
    Directory,
    /// Nobody: every customer is unknown.
    Nobody,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// One, many, none or error; never pending.
    pub customer: Customer,
    /// It was remembered from an earlier question.
    pub cached: bool,
    /// Why nobody could say; it holds no secret and no number.
    pub error: Option<Arc<str>>,
}

impl Told {
    fn error(why: impl Into<Arc<str>>) -> Self {
        let customer = Customer { kind: MatchKind::Error, candidates: Vec::new() };
        Self { customer, cached: false, error: Some(why.into()) }
    }

    /// The word of the metrics: `one`, `many`, `none`, `error`, `cached`.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match self.customer.kind {
            MatchKind::Error | MatchKind::Pending => "error",
            _ if self.cached => "cached",
            MatchKind::One => "one",
            MatchKind::Many => "many",
            MatchKind::None => "none",
        }
    }
}

/// How the last questions went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Failures since the last answer.
    pub failures: u64,
    /// The last failure, also when it works again.
    pub last_error: Option<Arc<str>>,
}

impl Customers {
    /// Asks the directory until a CRM is named.
    #[must_use]
    pub fn new(numbers: Arc<dyn Numbers>, directory: Directory) -> Self {
        Self(Arc::new(Inner {
            numbers: ArcSwap::from_pointee(numbers),
            crm: ArcSwapOption::empty(),
            directory,
            health: Mutex::default(),
        }))
    }

    /// Asks this CRM from now on; none: the directory. The one that was asked before keeps its answers and its token;
    /// of another one what was remembered is forgotten. Who waits is still answered.
    ///
    /// # Errors
    /// [`BadSettings`]; then nothing is changed.
    pub fn ask_of(&self, crm: Option<CrmSettings>) -> Result<(), BadSettings> {
        let before = self.0.crm.load();
        if let (Some(before), Some(crm)) = (&*before, &crm)
            && before.settings().is_same_as(crm)
        {
            return Ok(());
        }
        let crm = crm.map(Crm::new).transpose()?;
        self.0.crm.store(crm.map(Arc::new));
        *self.health_lock() = Health::default();
        Ok(())
    }

    /// Numbers are read like this from now on. The directory has its own reading: [`Directory::read_as`].
    pub fn read_as(&self, numbers: Arc<dyn Numbers>) {
        self.0.numbers.store(Arc::new(numbers));
    }

    /// Who is asked at the moment.
    #[must_use]
    pub fn source(&self) -> Source {
        if self.0.crm.load().is_some() {
            Source::Crm
        } else if self.0.directory.is_empty() {
            Source::Nobody
        } else {
            Source::Directory
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// How the last questions went.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health_lock().clone()
    }

    /// Who this is. Answers within the timeout of the settings.
    pub async fn who(&self, asked: &Asked) -> Told {
        if asked.number.withheld || asked.number.raw.is_empty() {
            return Told { customer: Customer::none(), cached: false, error: None };
        }
        let crm = self.0.crm.load_full();
        let told = match crm {
            Some(crm) => match crm.ask(asked).await {
                (Ok(records), cached) => self.ranked(&records, asked, cached),
                (Err(why), _) => Told::error(why),
            },
            None => self.in_directory(asked).await,
        };
        let mut health = self.health_lock();
        match &told.error {
            Some(why) => {
                health.failures += 1;
                health.last_error = Some(Arc::clone(why));
            }
            None => health.failures = 0,
        }
        drop(health);
        told
    }

    /// The name for a telephone's display: of the one who is known, or of the company whose line it is. None: nobody is
    /// known, or several are.
    #[must_use]
    pub fn display(customer: &Customer) -> Option<String> {
        let candidates = &customer.candidates;
        let name = match customer.kind {
            MatchKind::One => candidates.first()?.name.as_ref(),
            MatchKind::Many => {
                let company = candidates.first()?.fields.get("company")?;
                candidates.iter().all(|one| one.fields.get("company") == Some(company)).then_some(company)
            }
            MatchKind::None | MatchKind::Pending | MatchKind::Error => None,
        }?;
        let shown: String = name.chars().filter(|c| !c.is_control()).take(DISPLAY).collect();
        Some(shown).filter(|shown| !shown.trim().is_empty())
    }

    fn ranked(&self, records: &[Record], asked: &Asked, cached: bool) -> Told {
        let numbers = self.0.numbers.load();
        let customer = rank(records, &asked.number, asked.last_agent.as_ref(), &***numbers);
        Told { customer, cached, error: None }
    }

    async fn in_directory(&self, asked: &Asked) -> Told {
        let (directory, number) = (self.0.directory.clone(), asked.number.clone());
        // It reads a disk.
        let found = tokio::task::spawn_blocking(move || directory.records(&number));
        match timeout(DIRECTORY, found).await {
            Ok(Ok(Ok(records))) => self.ranked(&records, asked, false),
            Ok(Ok(Err(error))) => Told::error(error.to_string()),
            Ok(Err(_)) => Told::error("the directory failed"),
            Err(_) => Told::error("the directory did not answer in time"),
        }
    }

    fn health_lock(&self) -> std::sync::MutexGuard<'_, Health> {
        self.0.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
