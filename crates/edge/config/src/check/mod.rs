//! What no section can see alone: names that must be unique or must exist, queues that overflow in a circle, files.

mod files;
mod names;
pub(crate) mod queues;
mod references;
mod routes;
mod rules;

pub(crate) use rules::offset_of;

use crate::{Checks, Config, read::Reader};

pub(crate) fn all(reader: &mut Reader, config: &Config, checks: &dyn Checks, on_disk: bool) {
    names::check(reader, config);
    // With a part of the files missing, what seems not to exist may stand there.
    if !reader.is_incomplete() {
        references::check(reader, config);
        queues::check(reader, config);
        routes::check(reader, config);
    }
    rules::check(reader, config, checks);
    if on_disk {
        files::check(reader, config);
    }
}
