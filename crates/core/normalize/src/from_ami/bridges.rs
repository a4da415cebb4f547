//! Bridges and Local pairs.

use hookswitch_ami::Frame;

use super::{
    Normalizer, Read,
    headers::{must, said},
};

impl Normalizer {
    /// `BridgeEnter`. `SwapUniqueid` names the channel whose place is taken.
    pub(super) fn bridge_enter(&mut self, frame: &Frame) -> Read {
        let uid = self.see_channel(frame, must(frame, "Uniqueid")?)?;
        let bridge = must(frame, "BridgeUniqueid")?;
        let holding = frame.get("BridgeTechnology") == Some("holding_bridge");
        self.board.entered(uid.as_str(), bridge, holding, said(frame, "SwapUniqueid"));
        Ok(())
    }

    /// `BridgeLeave`.
    pub(super) fn bridge_leave(&mut self, frame: &Frame) -> Read {
        let (uid, bridge) = (must(frame, "Uniqueid")?, must(frame, "BridgeUniqueid")?);
        if self.board.topology.get(uid).is_some_and(|channel| channel.is_in(bridge)) {
            self.board.left(uid);
        } else if self.board.unlisted && frame.get("BridgeTechnology") != Some("holding_bridge") {
            let uid = match self.board.topology.entry(uid) {
                Some((uid, _)) => uid.clone(),
                None => self.see_channel(frame, uid)?,
            };
            self.board.leaves_unseen(&uid, bridge);
        }
        Ok(())
    }

    /// `LocalBridge`: two halves are one pair.
    pub(super) fn local_bridge(&mut self, frame: &Frame) -> Read {
        self.pair(must(frame, "LocalOneUniqueid")?, must(frame, "LocalTwoUniqueid")?);
        Ok(())
    }

    pub(super) fn pair(&mut self, one: &str, two: &str) {
        let topology = &self.board.topology;
        if let (Some((one, _)), Some((two, _))) = (topology.entry(one), topology.entry(two)) {
            let (one, two) = (one.clone(), two.clone());
            self.board.topology.pair(&one, &two);
        }
    }
}
