//! Registrations over a restart: a phone that registered for an hour is rung right after it, and not when it
//! registers next.
//!
//! They are in a file beside the journal, and not in it: no decision rests on them but by the facts they lead to. Each
//! line says whose contacts are what from then on; the last one holds. A line reaches the kernel as soon as there is
//! time, so it survives the death of the process. What a power cut takes, phones register again.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use hookswitch_model::Timestamp;
use hookswitch_sip::{Flow, Instant, Transport, registrar::Binding};
use serde::{Deserialize, Serialize};
use tracing::warn;

/// A file is written anew when it is longer than four times what holds, and than this.
const SHORT: usize = 64 * 1_024;

/// What is kept of everybody: names, and their contacts.
pub(super) type Registrations = Vec<(Box<str>, Vec<Binding>)>;

/// Keeps registrations, by a thread of its own: a slow disk delays no message.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    writer: Option<thread::JoinHandle<()>>,
}

/// What the thread is told.
#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    told: Condvar,
}

/// What is not written yet: of each user what holds last, so that it is bounded by their number.
#[derive(Debug, Default)]
struct Pending {
    changes: BTreeMap<Box<str>, Vec<Binding>>,
    over: bool,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    user: Box<str>,
    contacts: Vec<Contact>,
}

/// A contact, in the words of SIP.
#[derive(Debug, Serialize, Deserialize)]
struct Contact {
    uri: String,
    q: u16,
    /// Microseconds since 1970, as all times here.
    since: u64,
    ends: u64,
    transport: String,
    local: SocketAddr,
    remote: SocketAddr,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    path: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reg_id: Option<u32>,
    call_id: Box<str>,
    cseq: u32,
}

impl Keeper {
    /// What is kept in this file and not over by now, and who keeps it from now on.
    pub(super) fn open(path: &Path, now: Timestamp) -> (Self, Registrations) {
        let known = read(path, Instant::from_micros(now.as_micros()));
        let mut file = Kept { path: path.to_owned(), lines: BTreeMap::new(), file: None, length: 0 };
        file.lines.extend(known.iter().map(|(user, contacts)| (user.clone(), line(user, contacts))));
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let writer = thread::Builder::new().name("registrations".to_owned()).spawn(move || {
            while let Some(changes) = theirs.next() {
                file.take(changes);
            }
        });
        if let Err(error) = &writer {
            warn!(path = %path.display(), %error, "registrations are not kept over a restart");
        }
        (Self { shared, writer: writer.ok() }, known)
    }

    /// A user's contacts are these from now on.
    pub(super) fn keep(&self, user: Box<str>, contacts: Vec<Binding>) {
        self.shared.pending().changes.insert(user, contacts);
        self.shared.told.notify_one();
    }
}

impl Drop for Keeper {
    /// What was told is written before the link is over.
    fn drop(&mut self) {
        self.shared.pending().over = true;
        self.shared.told.notify_one();
        if let Some(writer) = self.writer.take() {
            // A thread that panicked has nothing to write any more.
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for changes; none: there will be no more.
    fn next(&self) -> Option<BTreeMap<Box<str>, Vec<Binding>>> {
        let nothing = |pending: &mut Pending| pending.changes.is_empty() && !pending.over;
        let waited = self.told.wait_while(self.pending(), nothing);
        let mut pending = waited.unwrap_or_else(PoisonError::into_inner);
        let changes = std::mem::take(&mut pending.changes);
        (!changes.is_empty()).then_some(changes)
    }
}

/// The file, and the lines of it that hold.
struct Kept {
    path: PathBuf,
    lines: BTreeMap<Box<str>, String>,
    /// Where lines are appended; none: the file is written anew first.
    file: Option<File>,
    length: usize,
}

impl Kept {
    fn take(&mut self, changes: BTreeMap<Box<str>, Vec<Binding>>) {
        let mut told = String::new();
        for (user, contacts) in changes {
            let line = line(&user, &contacts);
            told.push_str(&line);
            if contacts.is_empty() {
                self.lines.remove(&user);
            } else {
                self.lines.insert(user, line);
            }
        }
        if let Err(error) = self.write(&told) {
            self.file = None;
            warn!(path = %self.path.display(), %error, "registrations cannot be kept over a restart");
        }
    }

    fn write(&mut self, told: &str) -> io::Result<()> {
        let holds: usize = self.lines.values().map(String::len).sum();
        match &mut self.file {
            Some(file) if self.length + told.len() <= SHORT.max(4 * holds) => {
                file.write_all(told.as_bytes())?;
                self.length += told.len();
            }
            Some(_) | None => {
                let parts: Vec<&[u8]> = self.lines.values().map(String::as_bytes).collect();
                if let Some(folder) = self.path.parent() {
                    fs::create_dir_all(folder)?;
                }
                hookswitch_disk::replace(&self.path, &parts).map_err(io::Error::other)?;
                self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
                self.length = holds;
            }
        }
        Ok(())
    }
}

fn line(user: &str, contacts: &[Binding]) -> String {
    let line = Line { user: user.into(), contacts: contacts.iter().map(Contact::of).collect() };
    // Strings and numbers alone: this cannot fail.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

fn read(path: &Path, now: Instant) -> Registrations {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            warn!(path = %path.display(), %error, "kept registrations cannot be read");
            return Vec::new();
        }
    };
    let (mut known, mut unread) = (BTreeMap::new(), 0_usize);
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<Line>(line) {
            Ok(Line { user, contacts }) => drop(known.insert(user, contacts)),
            Err(_) => unread += 1,
        }
    }
    // The last line may be half a line, after the death of the process.
    if unread > 1 {
        warn!(path = %path.display(), unread, "kept registrations that cannot be read are left out");
    }
    let bindings = |contacts: Vec<Contact>| -> Vec<Binding> {
        contacts.into_iter().filter_map(Contact::binding).filter(|binding| binding.ends > now).collect()
    };
    let known = known.into_iter().map(|(user, contacts)| (user, bindings(contacts)));
    known.filter(|(_, contacts)| !contacts.is_empty()).collect()
}

impl Contact {
    fn of(binding: &Binding) -> Self {
        Self {
            uri: binding.uri.to_string(),
            q: binding.q,
            since: binding.since.as_micros(),
            ends: binding.ends.as_micros(),
            transport: binding.flow.transport.param().to_owned(),
            local: binding.flow.local,
            remote: binding.flow.remote,
            path: binding.path.iter().map(ToString::to_string).collect(),
            instance: binding.instance.clone(),
            reg_id: binding.reg_id,
            call_id: binding.call_id.clone(),
            cseq: binding.cseq,
        }
    }

    /// None: another version wrote it.
    fn binding(self) -> Option<Binding> {
        let kinds = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
        let transport = kinds.into_iter().find(|kind| kind.param() == self.transport)?;
        Some(Binding {
            uri: self.uri.parse().ok()?,
            q: self.q,
            since: Instant::from_micros(self.since),
            ends: Instant::from_micros(self.ends),
            // Connections are numbered anew by each process.
            flow: Flow { transport, local: self.local, remote: self.remote, connection: None },
            path: self.path.iter().map(|proxy| proxy.parse().ok()).collect::<Option<_>>()?,
            instance: self.instance,
            reg_id: self.reg_id,
            call_id: self.call_id,
            cseq: self.cseq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn binding(ends: u64) -> Binding {
        let Ok(uri) = "sip:alice@192.0.2.9:5062;ob".parse() else { panic!("a URI") };
        let Ok(proxy) = "<sip:192.0.2.8;lr>".parse() else { panic!("an address") };
        Binding {
            uri,
            q: 500,
            since: Instant::from_micros(1),
            ends: Instant::from_micros(ends),
            flow: Flow::udp(([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 8], 5060).into()),
            path: vec![proxy],
            instance: Some("<urn:uuid:1>".into()),
            reg_id: Some(1),
            call_id: "a@b".into(),
            cseq: 7,
        }
    }

    fn check(told: &[(&str, Vec<Binding>)], known: &[(&str, Vec<Binding>)]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registrations").join("hq");
        for (user, contacts) in told {
            Keeper::open(&path, Timestamp::from_micros(0)).0.keep((*user).into(), contacts.clone());
        }
        let expected: Registrations =
            known.iter().map(|(user, contacts)| ((*user).into(), contacts.clone())).collect();
        assert_eq!(read(&path, Instant::from_micros(NOW.as_micros())), expected);
    }

    #[test]
    fn a_contact_is_kept_whole() {
        let alice = binding(NOW.as_micros() + 1);
        check(&[("alice", vec![alice.clone()])], &[("alice", vec![alice])]);
    }

    #[test]
    fn what_is_over_or_taken_back_is_gone_and_the_last_word_holds() {
        let (over, later) = (binding(NOW.as_micros()), binding(NOW.as_micros() + 2));
        let told = [
            ("alice", vec![later.clone()]),
            ("bob", vec![later.clone(), over.clone()]),
            ("carol", vec![over]),
            ("alice", Vec::new()),
        ];
        check(&told, &[("bob", vec![later])]);
    }

    #[test]
    fn half_a_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hq");
        let whole = line("alice", &[binding(NOW.as_micros() + 1)]);
        let half = line("bob", &[binding(NOW.as_micros() + 1)]);
        fs::write(&path, whole + &half[..half.len() / 2]).unwrap();
        let (keeper, known) = Keeper::open(&path, NOW);
        assert_eq!(known.iter().map(|(user, _)| &**user).collect::<Vec<_>>(), ["alice"]);
        keeper.keep("carol".into(), vec![binding(NOW.as_micros() + 1)]);
        drop(keeper);
        let (_, known) = Keeper::open(&path, NOW);
        assert_eq!(known.iter().map(|(user, _)| &**user).collect::<Vec<_>>(), ["alice", "carol"]);
    }

    #[test]
    fn the_file_does_not_grow_with_every_refresh() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hq");
        let alice = binding(NOW.as_micros() + 1);
        let mut file = Kept { path: path.clone(), lines: BTreeMap::new(), file: None, length: 0 };
        for _ in 0..1_000 {
            file.take(BTreeMap::from([("alice".into(), vec![alice.clone()])]));
        }
        let length = fs::metadata(&path).unwrap().len();
        assert!(length <= SHORT as u64, "{length} bytes for one contact");
        assert_eq!(read(&path, Instant::from_micros(NOW.as_micros())), [("alice".into(), vec![alice])]);
    }
}
