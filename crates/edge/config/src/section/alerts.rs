//! `[[queue]] alerts`: which figures of a queue are watched, and beyond which limits.

use hookswitch_model::{Millis, alert::Figure, setup::AlertSetup};

use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{duration_in, integer, share},
    },
};

const DAY: Millis = Millis::from_secs(86_400);
const MANY: i64 = 1_000_000;

pub(super) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<AlertSetup>> {
    let mut fields = reader.fields(node)?;
    let alerts = [
        fields.optional("waiting", |reader, node| limit(reader, node, Figure::Waiting, count)),
        fields.optional("longest_wait", |reader, node| limit(reader, node, Figure::LongestWait, seconds)),
        fields.optional("service_level", |reader, node| limit(reader, node, Figure::ServiceLevel, share)),
        fields.optional("agents_ready", |reader, node| limit(reader, node, Figure::AgentsReady, count)),
        fields.optional("abandoned", |reader, node| limit(reader, node, Figure::Abandoned, count)),
    ];
    fields.finish();
    Some(alerts.into_iter().flatten().collect())
}

fn count(reader: &mut Reader, node: &Node<'_>) -> Option<f64> {
    integer(1, MANY)(reader, node).map(|count| count as f64)
}

fn seconds(reader: &mut Reader, node: &Node<'_>) -> Option<f64> {
    duration_in(Millis::from_secs(1), DAY)(reader, node).map(|span| span.0 as f64 / 1_000.0)
}

/// A limit alone, or a table that says more.
fn limit(
    reader: &mut Reader,
    node: &Node<'_>,
    figure: Figure,
    value: impl Fn(&mut Reader, &Node<'_>) -> Option<f64>,
) -> Option<AlertSetup> {
    let (after, hold) = (defaults::ALERT_AFTER, defaults::ALERT_HOLD);
    if node.value.as_table().is_none() {
        let raise = value(reader, node)?;
        return Some(AlertSetup { figure, raise, clear: raise, after, hold });
    }
    let mut fields = reader.fields(node)?;
    let raise = fields.required("raise", "the limit beyond which the alert is raised", &value);
    let clear = fields.optional("clear", &value);
    let after = fields.or("after", after, duration_in(Millis(0), DAY));
    let hold = fields.or("hold", hold, duration_in(Millis(0), DAY));
    if let (Some(raise), Some(clear)) = (raise, clear)
        && clear != raise
        && figure.is_beyond(clear, raise)
    {
        let than = if figure.less_is_worse() { "less than" } else { "more than" };
        let message = format!("the alert would be cleared while it is raised: `clear` is {than} `raise`");
        let hint = if figure.less_is_worse() {
            "write `clear` above `raise`"
        } else {
            "write `clear` below `raise`"
        };
        fields.error_at("clear", message, format!("{hint}, or leave it out"));
    }
    fields.finish();
    let raise = raise?;
    Some(AlertSetup { figure, raise, clear: clear.unwrap_or(raise), after, hold })
}
