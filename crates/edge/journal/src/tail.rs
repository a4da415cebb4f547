//! The end of the store, looked at when it is opened: what was acknowledged must be there, what came after it is kept
//! where it is whole, and cut where it is not.

use std::ops::Range;

use crate::{
    Error,
    acknowledged::Acknowledged,
    ring::{first, last},
    store::Store,
};

/// What was found when the journal was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Entries that were on the disk and had not been acknowledged when the last process ended: nobody had seen them, and
    /// they are kept. Empty as a rule.
    pub kept: Range<u64>,
    /// What was behind them, and was not whole.
    pub cut: Option<Cut>,
    /// There is no room on the disk: nothing can be appended yet.
    pub full: bool,
    /// A rewrite ([`rewrite`](crate::SledJournal::rewrite)) that had been interrupted at its very end was finished.
    pub finished_rewrite: bool,
}

/// A torn tail. It had never been acknowledged, so nothing is lost that anybody was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The first sequence of it, which is given again to the next entry.
    pub from: u64,
    /// How many values of the store it had.
    pub values: u64,
    /// What was wrong with it.
    pub why: String,
}

/// What the journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The oldest sequence; one more than the last when there is none.
    pub(crate) oldest: u64,
    /// The last.
    pub(crate) last: u64,
    /// The size of all records since the first, as far as is known.
    pub(crate) total: u64,
}

/// How far the whole batches after the acknowledged ones reach, and what comes behind.
struct Walk {
    next: u64,
    whole: u64,
    total: u64,
    broken: Option<Error>,
}

/// Brings store and `acknowledged` into agreement.
pub(crate) fn settle(
    store: &Store,
    acknowledged: &mut Acknowledged,
    report: &mut Opened,
) -> Result<Extent, Error> {
    let Some((oldest, newest)) = store.ends()? else {
        return if acknowledged.seq() == 0 {
            Ok(Extent { oldest: 1, last: 0, total: 0 })
        } else {
            Err(behind(store, 0, acknowledged))
        };
    };
    let known = acknowledged_part(store, acknowledged)?;
    let start = if acknowledged.is_new() { oldest } else { acknowledged.seq() + 1 };
    let walk = walk(store, start, known)?;
    let (whole, total) = (walk.whole, walk.total);
    let why = match walk.broken {
        // Whatever stands there, it was acknowledged for all that is known.
        Some(error) if acknowledged.is_new() => return Err(error),
        Some(error) => Some(error.to_string()),
        None if walk.next > whole + 1 => Some("the batch's last entries are missing".to_owned()),
        None => None,
    };
    if let Some(why) = why {
        let values = store.cut(whole + 1)?;
        report.cut = Some(Cut { from: whole + 1, values, why });
    }
    if whole > acknowledged.seq() {
        // What the last process wrote may be in the kernel's memory only.
        store.sync()?;
        if !acknowledged.is_new() {
            report.kept = start..whole + 1;
        }
        acknowledged.set(whole)?;
    }
    let oldest = if newest >= oldest && whole >= oldest { oldest } else { whole + 1 };
    Ok(Extent { oldest, last: whole, total })
}

/// Checks that the last acknowledged entry is there; the size of all records up to it.
fn acknowledged_part(store: &Store, acknowledged: &Acknowledged) -> Result<u64, Error> {
    let seq = acknowledged.seq();
    if seq == 0 {
        return Ok(0);
    }
    let Some(frame_of) = store.frame_of(seq)? else { return Err(behind(store, 0, acknowledged)) };
    let mut found = None;
    store.frames(frame_of, |frame| {
        found = Some(frame);
        false
    })?;
    match found {
        Some(Ok(frame)) if last(&frame.entries) >= seq => Ok(frame.total.unwrap_or(0)),
        Some(Ok(frame)) => Err(behind(store, last(&frame.entries), acknowledged)),
        Some(Err(error)) => Err(error),
        None => Err(behind(store, 0, acknowledged)),
    }
}

fn walk(store: &Store, start: u64, total: u64) -> Result<Walk, Error> {
    let mut walk = Walk { next: start, whole: start - 1, total, broken: None };
    store.frames(start, |frame| {
        match frame {
            Ok(frame) if first(&frame.entries) == walk.next => {
                walk.next = last(&frame.entries) + 1;
                if frame.until + 1 == walk.next {
                    walk.whole = frame.until;
                    walk.total = frame.total.unwrap_or(walk.total);
                }
                return true;
            }
            Ok(frame) => {
                let (path, seq) = (store.path().to_owned(), first(&frame.entries));
                walk.broken = Some(Error::Corrupt { path, seq, why: "the batch before it is missing" });
            }
            Err(error) => walk.broken = Some(error),
        }
        false
    })?;
    match walk.broken {
        Some(error @ (Error::Version { .. } | Error::Full { .. } | Error::Io { .. })) => Err(error),
        _ => Ok(walk),
    }
}

fn behind(store: &Store, found: u64, acknowledged: &Acknowledged) -> Error {
    Error::Behind { path: store.path().to_owned(), found, acknowledged: acknowledged.seq() }
}
