//! What is pressed and heard in a call.

use anyhow::{Context as _, Result, ensure};
use tokio::time;

use super::{Call, PATIENCE};
use crate::sounds;

impl Call {
    /// Presses digits in the media stream (RFC 4733) and waits until they are out, or until the call is over:
    /// a PBX that has understood a feature code may not wait for the end of its last digit.
    ///
    /// # Errors
    /// When the media does not flow.
    pub async fn press(&self, digits: &str) -> Result<()> {
        self.0.note(&format!("presses {digits}"));
        let sent = self.0.media.press(digits);
        let _ = time::timeout(PATIENCE, sent).await.context("digits not sent in time")?;
        Ok(())
    }

    /// Waits until voice comes in whose packets begin with this sample (G.711 µ-law).
    ///
    /// # Errors
    /// When none does in time.
    pub async fn wait_hears(&self, sample: u8) -> Result<()> {
        let mut heard = self.0.media.heard.clone();
        let hears = time::timeout(PATIENCE, heard.wait_for(|heard| heard.last() == Some(&sample))).await;
        hears.with_context(|| format!("{}: does not hear {sample:#x}", self.0.story()))??;
        Ok(())
    }

    /// Waits until what comes in from now on changes as a voice does, and silence does not.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn wait_hears_voice(&self) -> Result<()> {
        const CHANGES: usize = 10;
        let mut heard = self.0.media.heard.clone();
        let before = heard.borrow().len();
        let voice = time::timeout(PATIENCE, heard.wait_for(|heard| heard.len() >= before + CHANGES)).await;
        voice.with_context(|| format!("{}: hears no voice", self.0.story()))??;
        Ok(())
    }

    /// Waits until these sounds came in one after the other, with nothing between them.
    ///
    /// # Errors
    /// When they do not in time, or there is no such sound.
    pub async fn wait_hears_sounds(&self, names: &[&str]) -> Result<()> {
        let wanted = names.iter().map(|name| sounds::sample(name)).collect::<Result<Vec<_>>>()?;
        let mut heard = self.0.media.heard.clone();
        let all = |heard: &Vec<u8>| heard.windows(wanted.len()).any(|part| part == wanted);
        let hears = time::timeout(PATIENCE, heard.wait_for(all)).await;
        hears.with_context(|| format!("{}: does not hear {names:?}", self.0.story()))??;
        Ok(())
    }

    /// Presses digits as SIP INFO (`application/dtmf-relay`), one request each.
    ///
    /// # Errors
    /// When the PBX refuses one.
    pub async fn press_by_info(&self, digits: &str) -> Result<()> {
        let call = &self.0;
        call.note(&format!("presses {digits} by INFO"));
        for digit in digits.chars() {
            let body = format!("Signal={digit}\r\nDuration=100\r\n");
            let request =
                call.dialog().request(&call.phone, "INFO").with_body("application/dtmf-relay", body);
            let response = call.phone.ask(request).await?;
            ensure!(response.status() == Some(200), "{}: INFO: {}", call.story(), response.start_line);
        }
        Ok(())
    }
}
