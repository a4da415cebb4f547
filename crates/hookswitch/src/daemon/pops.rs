//! The URL of a screen pop, rendered once, before the event is journalled: every subscriber opens the same page.

use hookswitch_model::event::{Event, EventKind};
use hookswitch_wire::template::{PopContext, PopTemplates};
use tracing::warn;

/// What a pop opens; none for other events, without a template, or when the template fails, which is told.
pub(crate) fn url(templates: &PopTemplates, event: &Event) -> Option<String> {
    let (EventKind::ScreenPop { call, pop } | EventKind::ScreenPopped { call, pop, .. }) = &event.kind else {
        return None;
    };
    let context = PopContext { call, agent: &pop.agent, queue: call.queue.as_ref(), kind: pop.kind };
    templates.render(context).unwrap_or_else(|error| {
        warn!(call = %call.id, agent = %pop.agent, %error, "no URL for a screen pop");
        None
    })
}
