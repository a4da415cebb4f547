//! The contacts of those without a CRM, found by number.
//!
//! ```text
//! c/<id>              → CRC-32, contact as JSON
//! n/e<E.164>\0<id>    → (nothing)   a number that has an E.164 form
//! n/d<digits>\0<id>   → (nothing)   one that has none: an extension, a short code
//! m/generation        → how many batches were written
//! m/plan              → the country by which numbers were read; another one: the index is made anew
//! ```

mod contact;
mod import;
mod on_sled;
mod pages;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use hookswitch_wire::{model::call::PartyNumber, template::Numbers};
use tokio::sync::watch;

pub use contact::{Contact, ContactProblem};
pub use import::{ImportProblem, ImportReport, Mapping};

use self::{
    on_sled::OnSled,
    pages::{InMemory, Pages, Write},
};
use crate::{answer::Record, bounds};

/// Contacts that one page of a search looks at: a search without an index must not take the disk for itself.
const LOOKED_AT: usize = 20_000;
/// Contacts on a page at most.
const PAGE: usize = 1_000;
/// Writes of one batch when the index is made anew.
const REINDEXED: usize = 1_000;

/// The directory cannot do it.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process has it open.
    #[error("the contacts at {0} are in use by another process")]
    InUse(String),
    /// What was confirmed is not there any more.
    #[error(
        "contacts are missing at {path}: batch {confirmed} was confirmed, {found} is there; hint: restore the folder from a backup, or remove it and import the contacts again"
    )]
    Behind {
        /// The folder.
        path: String,
        /// The last batch that was confirmed.
        confirmed: u64,
        /// The last one there.
        found: u64,
    },
    /// A write failed before: what the disk holds is known only after it is opened again.
    #[error("an earlier write of contacts failed; hint: make room where the disk is full, and restart")]
    Stopped,
    /// What is there cannot be read.
    #[error(
        "the contacts are damaged: {0}; hint: restore the folder from a backup, or remove it and import the contacts again"
    )]
    Damaged(String),
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The contact cannot be taken.
    #[error(transparent)]
    Contact(#[from] ContactProblem),
}

impl From<hookswitch_disk::Error> for DirectoryError {
    fn from(error: hookswitch_disk::Error) -> Self {
        use hookswitch_disk::Error as Disk;
        let said = error.to_string();
        match error {
            Disk::Io { path, source } => Self::Io { path: path.display().to_string(), source },
            Disk::InUse { path } => Self::InUse(path.display().to_string()),
            Disk::Damaged { .. } => Self::Damaged(said),
        }
    }
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// There was none by that id.
    Created,
    /// There was another.
    Changed,
    /// It was the same.
    Unchanged,
}

/// What a page is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Contacts behind this id.
    pub after: Option<String>,
    /// So many at most; 0: as many as a page takes.
    pub limit: usize,
    /// Contacts with this number only.
    pub number: Option<String>,
    /// Contacts with this text in id, name, company or a field; small and capital letters are the same.
    pub text: Option<String>,
}

/// A page of contacts, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The contacts.
    pub items: Vec<Contact>,
    /// Where the next page begins; none: this was the last. A page of a search may be short and have a next one.
    pub next: Option<String>,
}

/// The contacts. Cheap to clone; clones share them. It reads and writes a disk: call it where that may block.
#[derive(Debug, Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    pages: Box<dyn Pages>,
    numbers: ArcSwap<Arc<dyn Numbers>>,
    /// One writes at a time.
    writing: Mutex<()>,
    count: watch::Sender<usize>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("contacts", &*self.count.borrow()).finish_non_exhaustive()
    }
}

/// The index entry of a number: `e+49305550001`, `d1001`; none for what holds no digit.
fn index_of(number: &str, numbers: &dyn Numbers) -> Option<String> {
    if let Some(e164) = numbers.e164(number) {
        return Some(format!("e{e164}"));
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("d{digits}"))
}

fn contact_key(id: &str) -> Vec<u8> {
    [b"c/", id.as_bytes()].concat()
}

fn number_key(index: &str, id: &str) -> Vec<u8> {
    [b"n/", index.as_bytes(), b"\0", id.as_bytes()].concat()
}

const PLAN: &[u8] = b"m/plan";

impl Directory {
    /// Opens or creates the directory in this folder. `plan` names how numbers are read: the country.
    ///
    /// # Errors
    /// [`DirectoryError`]: in use, damaged, or behind what was confirmed.
    pub fn open(path: &Path, numbers: Arc<dyn Numbers>, plan: &str) -> Result<Self, DirectoryError> {
        let directory = Self::over(Box::new(OnSled::open(path)?), numbers)?;
        directory.reindex_for(plan)?;
        Ok(directory)
    }

    /// One that is gone with the process: for the demo and for tests.
    #[must_use]
    pub fn in_memory(numbers: Arc<dyn Numbers>) -> Self {
        let pages = Box::new(InMemory::default());
        Self(Arc::new(Inner {
            pages,
            numbers: ArcSwap::from_pointee(numbers),
            writing: Mutex::default(),
            count: watch::Sender::new(0),
        }))
    }

    fn over(pages: Box<dyn Pages>, numbers: Arc<dyn Numbers>) -> Result<Self, DirectoryError> {
        let mut count = 0;
        pages.scan(b"c/", b"", &mut |_, _| {
            count += 1;
            true
        })?;
        Ok(Self(Arc::new(Inner {
            pages,
            numbers: ArcSwap::from_pointee(numbers),
            writing: Mutex::default(),
            count: watch::Sender::new(count),
        })))
    }

    /// How many there are, and every change of it.
    #[must_use]
    pub fn count(&self) -> watch::Receiver<usize> {
        self.0.count.subscribe()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self.0.count.borrow() == 0
    }

    /// The contact with this id.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn get(&self, id: &str) -> Result<Option<Contact>, DirectoryError> {
        self.0.pages.get(&contact_key(id))?.map(|value| decode(&value)).transpose()
    }

    /// Writes a contact in the place of the one with its id. It is durable when this returns.
    ///
    /// # Errors
    /// [`ContactProblem`] when it cannot be taken; the others when the disk fails.
    pub fn put(&self, contact: &Contact) -> Result<Put, DirectoryError> {
        let put = self.put_all(std::slice::from_ref(contact))?;
        Ok(put.first().copied().unwrap_or(Put::Unchanged))
    }

    /// Writes several, all or none of them; of the same id the last counts.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn put_all(&self, contacts: &[Contact]) -> Result<Vec<Put>, DirectoryError> {
        for contact in contacts {
            contact.check()?;
        }
        let _writing = self.writing();
        let numbers = self.0.numbers.load();
        let (mut writes, mut done) = (Vec::new(), Vec::with_capacity(contacts.len()));
        let mut fresh = std::collections::BTreeMap::<&str, &Contact>::new();
        for contact in contacts {
            let stored = match fresh.insert(&contact.id, contact) {
                Some(earlier) => Some(earlier.clone()),
                None => self.get(&contact.id)?,
            };
            done.push(match &stored {
                Some(stored) if stored == contact => Put::Unchanged,
                Some(_) => Put::Changed,
                None => Put::Created,
            });
            if stored.as_ref() != Some(contact) {
                writes.extend(stored.iter().flat_map(|old| unindexed(old, &***numbers)));
                writes.extend(indexed(contact, &***numbers));
                writes.push((contact_key(&contact.id), Some(encode(contact))));
            }
        }
        if !writes.is_empty() {
            self.0.pages.apply(writes)?;
        }
        let created = done.iter().filter(|put| **put == Put::Created).count();
        if created > 0 {
            self.0.count.send_modify(|count| *count += created);
        }
        Ok(done)
    }

    /// Removes a contact; false: there was none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(&self, id: &str) -> Result<bool, DirectoryError> {
        let _writing = self.writing();
        let Some(stored) = self.get(id)? else { return Ok(false) };
        let mut writes: Vec<Write> = unindexed(&stored, &***self.0.numbers.load()).collect();
        writes.push((contact_key(id), None));
        self.0.pages.apply(writes)?;
        self.0.count.send_modify(|count| *count = count.saturating_sub(1));
        Ok(true)
    }

    /// A page of contacts.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn page(&self, search: &Search) -> Result<Page, DirectoryError> {
        let limit = if search.limit == 0 { PAGE } else { search.limit.min(PAGE) };
        if let Some(number) = &search.number {
            let after = search.after.as_deref().unwrap_or_default();
            let found = self.ids_of(number, None)?.into_iter().filter(|id| id.as_str() > after);
            let mut items = Vec::new();
            for id in found.take(limit + 1) {
                items.extend(self.get(&id)?.filter(|contact| search.fits(contact)));
            }
            let next = (items.len() > limit).then(|| items[limit - 1].id.clone());
            items.truncate(limit);
            return Ok(Page { items, next });
        }
        let after = search.after.as_deref().map(contact_key).unwrap_or_default();
        let (mut items, mut looked_at, mut more) = (Vec::<Contact>::new(), 0, false);
        let (mut last, mut failed) = (None, None);
        self.0.pages.scan(b"c/", &after, &mut |key, value| {
            if items.len() == limit || looked_at == LOOKED_AT {
                more = true;
                return false;
            }
            looked_at += 1;
            last = Some(key[2..].to_vec());
            match decode(value) {
                Ok(contact) => {
                    if search.fits(&contact) {
                        items.push(contact);
                    }
                    true
                }
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let next = last.filter(|_| more).map(|id: Vec<u8>| String::from_utf8_lossy(&id).into_owned());
        Ok(Page { items, next })
    }

    /// The contacts with this number, as the look-up ranks them.
    pub(crate) fn records(&self, number: &PartyNumber) -> Result<Vec<Record>, DirectoryError> {
        let mut records = Vec::new();
        for id in self.ids_of(&number.raw, number.e164.as_deref())? {
            records.extend(self.get(&id)?.map(Record::from));
        }
        Ok(records)
    }

    /// The ids of those who have this number.
    fn ids_of(&self, raw: &str, e164: Option<&str>) -> Result<Vec<String>, DirectoryError> {
        let index = match e164 {
            Some(e164) => Some(format!("e{e164}")),
            None => index_of(raw, &***self.0.numbers.load()),
        };
        let Some(index) = index else { return Ok(Vec::new()) };
        let prefix = number_key(&index, "");
        let mut ids = Vec::new();
        self.0.pages.scan(&prefix, b"", &mut |key, _| {
            ids.push(String::from_utf8_lossy(&key[prefix.len()..]).into_owned());
            ids.len() < bounds::RECORDS
        })?;
        Ok(ids)
    }

    /// Numbers are read like this from now on: the index is made anew when it is another plan.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn read_as(&self, numbers: Arc<dyn Numbers>, plan: &str) -> Result<(), DirectoryError> {
        {
            let _writing = self.writing();
            self.0.numbers.store(Arc::new(numbers));
        }
        self.reindex_for(plan)
    }

    fn reindex_for(&self, plan: &str) -> Result<(), DirectoryError> {
        let _writing = self.writing();
        if self.0.pages.get(PLAN)?.as_deref() == Some(plan.as_bytes()) {
            return Ok(());
        }
        let mut stale = Vec::new();
        self.0.pages.scan(b"n/", b"", &mut |key, _| {
            stale.push((key.to_vec(), None));
            true
        })?;
        let (mut writes, mut failed) = (stale, None);
        let numbers = self.0.numbers.load();
        self.0.pages.scan(b"c/", b"", &mut |_, value| match decode(value) {
            Ok(contact) => {
                writes.extend(indexed(&contact, &***numbers));
                true
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        // The plan last: a cut between two batches means that it is made anew once more.
        for batch in writes.chunks(REINDEXED) {
            self.0.pages.apply(batch.to_vec())?;
        }
        self.0.pages.apply(vec![(PLAN.to_vec(), Some(plan.as_bytes().to_vec()))])
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.0.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Search {
    fn fits(&self, contact: &Contact) -> bool {
        let Some(text) = &self.text else { return true };
        let wanted = text.to_lowercase();
        let texts = [Some(&contact.id), contact.name.as_ref(), contact.company.as_ref()];
        let mut texts = texts.into_iter().flatten().chain(contact.fields.values());
        texts.any(|text| text.to_lowercase().contains(&wanted))
    }
}

fn indexed(contact: &Contact, numbers: &dyn Numbers) -> impl Iterator<Item = Write> {
    keys(contact, numbers).into_iter().map(|key| (key, Some(Vec::new())))
}

fn unindexed(contact: &Contact, numbers: &dyn Numbers) -> impl Iterator<Item = Write> {
    keys(contact, numbers).into_iter().map(|key| (key, None))
}

fn keys(contact: &Contact, numbers: &dyn Numbers) -> Vec<Vec<u8>> {
    let of = contact.numbers.iter().filter_map(|number| index_of(number, numbers));
    of.map(|index| number_key(&index, &contact.id)).collect()
}

fn encode(contact: &Contact) -> Vec<u8> {
    // A contact holds nothing that JSON cannot say.
    let body = serde_json::to_vec(contact).unwrap_or_default();
    [&crc32fast::hash(&body).to_le_bytes()[..], &body].concat()
}

fn decode(value: &[u8]) -> Result<Contact, DirectoryError> {
    let damaged = |why: &str| DirectoryError::Damaged(why.to_owned());
    let (crc, body) = value.split_first_chunk::<4>().ok_or_else(|| damaged("a contact is cut off"))?;
    if *crc != crc32fast::hash(body).to_le_bytes() {
        return Err(damaged("the checksum of a contact does not match"));
    }
    serde_json::from_slice(body).map_err(|error| damaged(&format!("a contact does not read: {error}")))
}
