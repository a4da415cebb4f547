//! Transfers, hold, parking: labels on what bridges show.

use hookswitch_ami::Frame;

use super::{
    Normalizer, Read,
    headers::{must, said},
};

impl Normalizer {
    /// `BlindTransfer`, by REFER, feature code or AMI.
    pub(super) fn blind_transfer(&mut self, frame: &Frame) -> Read {
        if frame.get("Result").is_some_and(|result| result != "Success") {
            return Ok(());
        }
        self.board.blind(must(frame, "TransfererUniqueid")?, said(frame, "Extension"));
        Ok(())
    }

    /// `AttendedTransfer`, by REFER with Replaces, feature code or AMI.
    pub(super) fn attended_transfer(&mut self, frame: &Frame) -> Read {
        if frame.get("Result").is_some_and(|result| result != "Success") {
            return Ok(());
        }
        if let (Some(one), Some(two)) = (said(frame, "LocalOneUniqueid"), said(frame, "LocalTwoUniqueid")) {
            self.pair(one, two);
        }
        self.board.attended(must(frame, "OrigTransfererUniqueid")?, must(frame, "SecondTransfererUniqueid")?);
        Ok(())
    }

    /// `Hold`, on the channel of who holds.
    pub(super) fn hold(&mut self, frame: &Frame) -> Read {
        self.board.held(must(frame, "Uniqueid")?);
        Ok(())
    }

    /// `Unhold`.
    pub(super) fn unhold(&mut self, frame: &Frame) -> Read {
        self.board.unheld(must(frame, "Uniqueid")?);
        Ok(())
    }

    /// `ParkedCall`.
    pub(super) fn parked_call(&mut self, frame: &Frame) -> Read {
        self.board
            .parked(must(frame, "ParkeeUniqueid")?, said(frame, "ParkerDialString").unwrap_or_default());
        Ok(())
    }

    /// `ParkedCallTimeOut`: Asterisk rings who parked.
    pub(super) fn parked_call_time_out(&mut self, frame: &Frame) -> Read {
        self.board.unparked(must(frame, "ParkeeUniqueid")?);
        Ok(())
    }
}
