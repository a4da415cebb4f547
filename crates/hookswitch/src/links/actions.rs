//! PBX actions as a follower of the journal: what is not on disk is not done.

use hookswitch_journal::{Kind, Limit, Reader};
use hookswitch_model::{PbxId, pbx::PbxAction};
use tokio::sync::mpsc;
use tracing::error;

use crate::daemon::records;

/// Hands on the actions of each PBX that stand in the journal behind `after`, in order.
///
/// Actions older than the start are never read: a restart re-dials nobody, the engine asks again for what is still
/// wanted.
pub(crate) async fn follow(reader: Reader, mut after: u64, links: Vec<(PbxId, mpsc::Sender<PbxAction>)>) {
    let mut head = reader.watch();
    loop {
        // What was just written is in memory; a reader that fell that far behind has nothing useful to carry out.
        let Some(page) = reader.recent(after, Limit::default()) else {
            error!(after, "actions were missed: the follower is far behind the journal");
            after = reader.last();
            continue;
        };
        if page.is_empty() {
            if head.changed().await.is_err() {
                return;
            }
            continue;
        }
        for entry in page.iter().filter(|entry| entry.record.kind == Kind::Action) {
            match records::decode::<PbxAction>(&entry.record.payload) {
                Ok(action) => {
                    if let Some((_, link)) = links.iter().find(|(pbx, _)| *pbx == action.pbx) {
                        // A link that is gone has been told to stop.
                        let _ = link.send(action).await;
                    }
                }
                Err(error) => error!(seq = entry.seq, %error, "an action in the journal is unreadable"),
            }
        }
        after = page.through();
    }
}
