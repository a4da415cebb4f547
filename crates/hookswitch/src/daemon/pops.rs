//! The URL of a screen pop, rendered once, before the event is journalled: every subscriber opens the same page.

use hookswitch_model::{
    call::{Call, MatchKind},
    event::{Event, EventKind},
};
use hookswitch_wire::template::{PopContext, PopTemplates};
use tracing::warn;

/// What a pop opens; none for other events, without a template, or when the template fails, which is told.
pub(crate) fn url(templates: &PopTemplates, event: &Event) -> Option<String> {
    let (EventKind::ScreenPop { call, pop } | EventKind::ScreenPopped { call, pop, .. }) = &event.kind else {
        return None;
    };
    let context = PopContext { call, agent: &pop.agent, queue: call.queue.as_ref(), kind: pop.kind };
    let url = templates.render(context).unwrap_or_else(|error| {
        warn!(call = %call.id, agent = %pop.agent, %error, "no URL for a screen pop");
        None
    });
    url.or_else(|| own_page(call, pop.kind))
}

/// The page that the one candidate names itself: a contact of the directory, where no template says better.
fn own_page(call: &Call, kind: MatchKind) -> Option<String> {
    let [only] = &call.customer.candidates[..] else { return None };
    let url = only.fields.get("url").filter(|_| kind == MatchKind::One)?;
    let is_page = url.starts_with("https://") || url.starts_with("http://");
    (is_page && !url.contains(|c: char| c.is_control() || c.is_whitespace())).then(|| url.clone())
}
