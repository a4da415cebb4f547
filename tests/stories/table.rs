//! The table. Names are those of the design's table of stories; who is who stands in `hookswitch_tests::cast`.

mod queue;
mod rest;
mod transfer;

use hookswitch_tests::cast::Mode::{self, Observe, Route};
use hookswitch_tests::stage::{Stages, Story};
use hookswitch_tests::world::Place;

const BOTH: &[Mode] = &[Route, Observe];
const ROUTE: &[Mode] = &[Route];

const fn story(
    name: &'static str,
    modes: &'static [Mode],
    script: &'static str,
    calls: &'static [(&'static str, &'static str)],
) -> Story {
    Story { name, modes, stages: Stages::All, script, calls, settings: "" }
}

/// The same, with more configuration.
const fn with(settings: &'static str, story: Story) -> Story {
    Story { settings, ..story }
}

/// A story the simulator does not know how to play.
const fn real(story: Story) -> Story {
    Story { stages: Stages::Real, ..story }
}

/// Stories of what only another PBX has: where Hookswitch is the PBX they cannot be played.
const OF_OTHER_PBXS: [(&str, &str); 17] = [
    ("picked-up", "no pick-up by a code that a phone dials"),
    ("blind-by-feature-code", "no feature codes in the media"),
    ("attended-by-feature-code", "the same"),
    ("conference-by-feature-code", "the same"),
    ("blind-to-nowhere", "transferred by a program at the manager interface"),
    ("blind-by-a-manager", "no manager interface"),
    ("attended-by-a-manager", "the same"),
    ("park", "no parking"),
    ("voicemail", "no voicemail"),
    ("ivr", "no dialplan of somebody's own"),
    ("logged-out-agent-is-not-rung", "no feature codes"),
    ("click-to-dial", "dialled by a program at the manager interface"),
    ("click-to-dial-busy", "the same"),
    ("click-to-dial-agent-never-picks-up", "the same"),
    ("link-lost", "there is no wire between the daemon and its PBX"),
    ("pbx-restarts", "it restarts with the daemon"),
    ("daemon-dies", "the dialogs die with the daemon: a story of its own"),
];

/// Whether a story can be played there.
pub(crate) fn is_of(story: &Story, place: Place) -> bool {
    !place.is_own() || !OF_OTHER_PBXS.iter().any(|(name, _)| *name == story.name)
}

/// All stories.
pub(crate) fn stories() -> impl Iterator<Item = &'static Story> {
    [queue::STORIES, transfer::STORIES, rest::STORIES].into_iter().flatten()
}
