//! Routes that are never reached, calls that no route takes.

use hookswitch_model::setup::{Mode, RouteSetup};

use crate::{
    Config,
    plan::{Unreachable, unreachable},
    read::Reader,
};

pub(crate) fn check(reader: &mut Reader, config: &Config) {
    let routes: Vec<RouteSetup> = config.routes.iter().map(|route| route.setup.clone()).collect();
    for Unreachable { rule, behind } in unreachable(&routes) {
        let Some(route) = config.routes.iter().find(|route| route.setup.name == rule) else { continue };
        let all = config.routes.iter().any(|route| route.setup.name == behind && route.setup.when.is_none());
        let takes = if all { "takes every call" } else { "takes all its calls" };
        reader.warn_at(
            &route.key,
            format!("{rule:?} is never reached: {behind:?} before it {takes}"),
            "put the one that asks for more first; order is the file's, included files first",
        );
    }
    if !reader.has("route[0]")
        && let Some(pbx) = config.pbxs.iter().find(|pbx| pbx.mode == Mode::Route)
    {
        let message = format!("there is no [[route]]: every caller of {} goes to the fallback", pbx.name);
        reader.warn_at(&pbx.key, message, "add one: [[route]] with name and queue");
    }
}
