//! What the router asks of those who know the customers: the embedded directory and the CRM behind it.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Which contacts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactsWanted {
    /// Contacts with this number only.
    pub number: Option<String>,
    /// Contacts with this text in them only.
    pub text: Option<String>,
    /// Contacts behind this id.
    pub after: Option<String>,
    /// So many at most; none: as many as a page takes.
    pub limit: Option<usize>,
}

/// Why something was not done with contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactsRefused {
    /// What was sent can never be taken: `422`.
    Wrong {
        /// What is wrong.
        why: String,
        /// What would do.
        hint: String,
    },
    /// The disk does not read or write; the log says more: `503`.
    Unavailable,
}

/// A future answer.
pub type ContactsReply<'a, T> = Pin<Box<dyn Future<Output = Result<T, ContactsRefused>> + Send + 'a>>;

/// A file on its way: its pieces in order; one that cannot be read ends it.
pub type Upload = mpsc::Receiver<Result<Bytes, std::io::Error>>;

/// The directory and the look-up. Answers are finished JSON.
pub trait Contacts: Send + Sync {
    /// A page: `{"items":[…],"next":"ID"}`.
    fn page(&self, wanted: ContactsWanted) -> ContactsReply<'_, Bytes>;
    /// One contact.
    fn contact(&self, id: String) -> ContactsReply<'_, Option<Bytes>>;
    /// Writes a contact from its JSON; the contact as it is now, and whether there was none before.
    fn put(&self, id: String, body: Bytes) -> ContactsReply<'_, (Bytes, bool)>;
    /// Removes a contact; false: there was none.
    fn remove(&self, id: String) -> ContactsReply<'_, bool>;
    /// Imports CSV; columns by their name in the file and what they are. The report.
    fn import(&self, mapping: BTreeMap<String, String>, file: Upload) -> ContactsReply<'_, Bytes>;
    /// The name for a telephone's display; none: nobody is known, or nobody could say in time.
    fn name(&self, number: String) -> ContactsReply<'_, Option<String>>;
    /// Who has this number, as a call would be told, with the error if nobody could say.
    fn who(&self, number: String) -> ContactsReply<'_, Bytes>;
}
