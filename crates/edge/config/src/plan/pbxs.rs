//! What changes of a PBX: some of it a running daemon takes over, the rest waits for its next start.

use std::{collections::BTreeMap, path::PathBuf};

use hookswitch_model::Millis;

use super::{ChangeKind, Changes, Takes};
use crate::{Config, Pbx, PbxKind, Sip, Softphone, Trunk};

/// One that is new or gone, or is reached or listens in another way, is so after the next start.
pub(super) fn compare(before: &Config, after: &Config, changes: &mut Changes) {
    let fixed = |pbx: &Pbx| (pbx.name.to_string(), fixed(pbx));
    changes.list("pbx", before.pbxs.iter().map(fixed), after.pbxs.iter().map(fixed), Takes::Restart);
    for new in &after.pbxs {
        let old = before.pbxs.iter().find(|old| old.name == new.name);
        if old.is_some_and(|old| AtOnce::of(old) != AtOnce::of(new)) {
            changes.push("pbx", Some(new.name.to_string()), ChangeKind::Changed, Takes::Now);
        }
    }
}

/// What a running daemon takes over.
#[derive(Debug, PartialEq, Default)]
struct AtOnce {
    ring_timeout: Millis,
    softphone: Option<Softphone>,
    trunks: Vec<Trunk>,
    music: BTreeMap<String, PathBuf>,
    sounds: Option<PathBuf>,
    session_timer: Millis,
    max_calls: usize,
}

impl AtOnce {
    fn of(pbx: &Pbx) -> Self {
        let both =
            Self { ring_timeout: pbx.ring_timeout, softphone: pbx.softphone.clone(), ..Self::default() };
        match &pbx.kind {
            PbxKind::Asterisk(_) => both,
            PbxKind::Sip(sip) => Self {
                trunks: sip.trunks.clone(),
                music: sip.music.clone(),
                sounds: sip.sounds.clone(),
                session_timer: sip.session_timer,
                max_calls: sip.max_calls,
                ..both
            },
        }
    }
}

/// The rest; and whether it is ready to call by TLS, which is decided at the start.
fn fixed(pbx: &Pbx) -> (Pbx, bool) {
    let AtOnce { ring_timeout, softphone, trunks, music, sounds, session_timer, max_calls } =
        AtOnce::default();
    let (kind, calls_by_tls) = match &pbx.kind {
        PbxKind::Asterisk(asterisk) => (PbxKind::Asterisk(asterisk.clone()), false),
        PbxKind::Sip(sip) => {
            let by_tls = sip.calls_by_tls();
            (PbxKind::Sip(Sip { trunks, music, sounds, session_timer, max_calls, ..sip.clone() }), by_tls)
        }
    };
    (Pbx { key: String::new(), ring_timeout, softphone, kind, ..pbx.clone() }, calls_by_tls)
}
