//! What a store and the files beside it hold after what may happen to them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, sync::mpsc, thread};

use hookswitch_disk::{Batch, Error, Store, lock, replace};

const CACHE: u64 = 1024 * 1024;

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("store"), CACHE).unwrap()
}

fn batch(number: u32) -> Batch {
    let mut batch = Batch::default();
    for part in 0..3_u32 {
        batch.insert([number.to_be_bytes(), part.to_be_bytes()].concat(), vec![b'x'; 500]);
    }
    batch
}

fn count(store: &Store) -> usize {
    let mut range = store.with(|db| Ok(db.iter())).unwrap();
    let mut count = 0;
    while store.next(&mut range).unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..5 {
        let store = open(folder.path());
        store.write(batch(number)).unwrap();
        store.sync().unwrap();
        store.close();
        assert_eq!(count(&open(folder.path())), 3 * (number as usize + 1));
    }
}

#[test]
fn a_summary_that_was_not_finished_keeps_nobody_from_opening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(batch(0)).unwrap();
    store.close();
    fs::write(folder.path().join("store/snap.0000000000000400.generating"), b"half a summary").unwrap();
    assert_eq!(count(&open(folder.path())), 3);
    let left = fs::read_dir(folder.path().join("store")).unwrap();
    assert!(
        !left
            .map(|file| file.unwrap().file_name())
            .any(|name| name.to_string_lossy().ends_with("generating"))
    );
}

#[test]
fn opening_waits_until_the_last_handle_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(batch(0)).unwrap();
    let (closing, closed) = mpsc::channel();
    let opens = thread::spawn({
        let folder = folder.path().to_owned();
        move || {
            closed.recv().unwrap();
            count(&open(&folder))
        }
    });
    closing.send(()).unwrap();
    store.close();
    assert_eq!(opens.join().unwrap(), 3);
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..200 {
        store.write(batch(number)).unwrap();
    }
    store.close();
    let db = folder.path().join("store/db");
    let whole = fs::read(&db).unwrap();
    for damaged in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        let end = (damaged + 64).min(bytes.len());
        bytes[damaged..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("store")).unwrap();
        fs::write(copy.path().join("store/db"), &bytes).unwrap();
        fs::copy(folder.path().join("store/conf"), copy.path().join("store/conf")).unwrap();
        match Store::open(&copy.path().join("store"), CACHE) {
            Ok(store) => {
                let mut range = store.with(|db| Ok(db.iter())).unwrap();
                while let Ok(Some(_)) = store.next(&mut range) {}
                store.close();
            }
            Err(Error::Damaged { path, .. }) => assert_eq!(path, copy.path().join("store")),
            Err(other) => assert!(matches!(other, Error::Io { .. }), "{other}"),
        }
    }
}

#[test]
fn a_store_whose_settings_do_not_read_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close();
    let store = folder.path().join("store");
    fs::write(store.join("conf"), b"no settings of a store").unwrap();
    assert!(matches!(Store::open(&store, CACHE), Err(Error::Damaged { path, .. }) if path == store));
}

#[test]
fn a_folder_is_locked_until_the_lock_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let held = lock(folder.path()).unwrap();
    assert!(matches!(lock(folder.path()), Err(Error::InUse { path }) if path == folder.path()));
    drop(held);
    lock(folder.path()).unwrap();
}

#[test]
fn a_file_that_cannot_be_replaced_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("confirmed");
    replace(&path, &[b"1", b"7"]).unwrap();
    // Nothing can be written where a folder is.
    fs::create_dir(folder.path().join("confirmed.new")).unwrap();
    assert!(matches!(replace(&path, &[b"18"]), Err(Error::Io { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"17");
    fs::remove_dir(folder.path().join("confirmed.new")).unwrap();
    replace(&path, &[b"18"]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"18");
    assert!(!folder.path().join("confirmed.new").exists());
}
