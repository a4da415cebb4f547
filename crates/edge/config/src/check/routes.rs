//! Routes that are never reached, calls that no route takes.

use hookswitch_model::setup::Mode;

use crate::{Config, read::Reader};

pub(crate) fn check(reader: &mut Reader, config: &Config) {
    let catch_all = config.routes.iter().position(|route| route.setup.when.is_none());
    if let Some(index) = catch_all
        && let Some(after) = config.routes.get(index + 1)
    {
        let name = &config.routes[index].setup.name;
        let message = format!("{:?} is never reached: {name:?} before it takes every call", after.setup.name);
        reader.warn_at(
            &after.key,
            message,
            "put the route without `when` last; order is the file's, included files first",
        );
    }
    if !reader.has("route[0]")
        && let Some(pbx) = config.pbxs.iter().find(|pbx| pbx.mode == Mode::Route)
    {
        let message = format!("there is no [[route]]: every caller of {} goes to the fallback", pbx.name);
        reader.warn_at(&pbx.key, message, "add one: [[route]] with name and queue");
    }
}
