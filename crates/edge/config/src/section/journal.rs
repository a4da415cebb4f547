//! `[journal]`: the durable log.

use std::path::PathBuf;

use hookswitch_model::Millis;

use crate::{
    HostPort, defaults,
    read::{
        Node, Reader,
        value::{duration_in, line, path, text},
    },
};

/// `[journal]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The folder.
    pub path: PathBuf,
    /// How long records are kept.
    pub retention: Millis,
    /// Bytes of records that are kept at most, the newest; none: only the age counts.
    pub max_size: Option<u64>,
    /// Shared by several nodes, instead of the folder.
    pub cluster: Option<Cluster>,
}

/// `journal.cluster`: the journal is a JetStream stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// URL of a NATS server.
    pub nats: String,
    /// This node's name, unique in the cluster.
    pub node: String,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            path: defaults::JOURNAL_PATH.into(),
            retention: defaults::RETENTION,
            max_size: None,
            cluster: None,
        }
    }
}

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Journal> {
    let default = Journal::default();
    let mut fields = reader.fields(node)?;
    let bounds = duration_in(Millis::from_secs(3_600), Millis::from_secs(3_650 * 86_400));
    let journal = Journal {
        path: fields.or("path", default.path, path),
        retention: fields.or("retention", default.retention, bounds),
        max_size: fields.optional("max_size", size),
        cluster: fields.optional("cluster", cluster),
    };
    fields.finish();
    Some(journal)
}

fn cluster(reader: &mut Reader, node: &Node<'_>) -> Option<Cluster> {
    let mut fields = reader.fields(node)?;
    let nats = fields.required("nats", "the server, as in nats://127.0.0.1:4222", nats_url);
    let name = fields.required("node", "this node's name, different on each", line);
    fields.finish();
    Some(Cluster { nats: nats?, node: name? })
}

/// Bytes, as `500MiB` or `20GiB`.
fn size(reader: &mut Reader, node: &Node<'_>) -> Option<u64> {
    /// Less would not even hold a busy hour.
    const LEAST: u64 = 64 << 20;
    let text = text(reader, node)?;
    let parts = [("MiB", 20), ("GiB", 30), ("TiB", 40)]
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim_end(), shift)));
    let bytes = parts.and_then(|(number, shift)| number.parse::<u64>().ok()?.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if bytes >= LEAST => Some(bytes),
        Some(_) => {
            reader.error(node, format!("{text:?} is too little"), "at least 64MiB");
            None
        }
        None => {
            reader.error(
                node,
                format!("{text:?} is no size"),
                "a whole number and MiB, GiB or TiB, as in \"20GiB\"",
            );
            None
        }
    }
}

fn nats_url(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    let host = text.strip_prefix("nats://").or_else(|| text.strip_prefix("tls://"));
    if host.is_some_and(|host| host.parse::<HostPort>().is_ok()) {
        return Some(text);
    }
    reader.error(node, format!("{text:?} is no URL of a NATS server"), "as in nats://127.0.0.1:4222");
    None
}
