//! `[[queue]] announce`: what waiting callers are told.

use hookswitch_model::{Millis, setup::AnnounceSetup};

use super::menu::sounds;
use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{boolean, duration_in},
    },
};

/// `queue.announce.sounds`: the PBX's own names; of what is left out Asterisk's own are played.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sounds {
    /// Said to the first in line.
    pub next: Option<String>,
    /// Before the place.
    pub position: Option<String>,
    /// After the place.
    pub callers: Option<String>,
    /// Before the minutes.
    pub wait: Option<String>,
    /// After one minute.
    pub minute: Option<String>,
    /// After several.
    pub minutes: Option<String>,
    /// At the end.
    pub thanks: Option<String>,
}

pub(super) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<(AnnounceSetup, Sounds)> {
    let mut fields = reader.fields(node)?;
    let day = Millis::from_secs(86_400);
    let setup = AnnounceSetup {
        after: fields.or("after", defaults::ANNOUNCE_AFTER, duration_in(Millis(0), day)),
        every: fields.optional("every", duration_in(Millis::from_secs(15), day)),
        position: fields.or("position", true, boolean),
        wait: fields.or("wait", true, boolean),
    };
    if !setup.position && !setup.wait {
        fields.error_at(
            "position",
            "nothing is announced",
            "set position or wait to true, or leave announce out",
        );
    }
    let sounds = fields.or("sounds", Sounds::default(), own_sounds);
    fields.finish();
    Some((setup, sounds))
}

fn own_sounds(reader: &mut Reader, node: &Node<'_>) -> Option<Sounds> {
    let mut fields = reader.fields(node)?;
    let own = Sounds {
        next: fields.optional("next", sounds),
        position: fields.optional("position", sounds),
        callers: fields.optional("callers", sounds),
        wait: fields.optional("wait", sounds),
        minute: fields.optional("minute", sounds),
        minutes: fields.optional("minutes", sounds),
        thanks: fields.optional("thanks", sounds),
    };
    fields.finish();
    Some(own)
}
