//! The table. Names are those of the design's table of stories; who is who stands in `hookswitch_tests::cast`.

mod queue;
mod rest;
mod transfer;

use hookswitch_tests::cast::Mode::{self, Observe, Route};
use hookswitch_tests::stage::{Stages, Story};

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

/// All stories.
pub(crate) fn stories() -> impl Iterator<Item = &'static Story> {
    [queue::STORIES, transfer::STORIES, rest::STORIES].into_iter().flatten()
}
