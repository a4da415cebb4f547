//! Session timers: who keeps a dialog alive, and when it counts as dead (RFC 4028).
//!
//! A peer that does not know them is asked all the same: an UPDATE or re-INVITE of ours is answered by who is alive.

use std::time::Duration;

use hookswitch_sip::{
    Instant,
    message::{Headers, Name, Refresher, SessionExpires},
};

use crate::settings::SessionTimers;

/// What keeps a dialog alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    /// How long it lives without a refresh.
    pub(crate) expires: Duration,
    /// We refresh it; else they do.
    pub(crate) ours: bool,
}

impl Session {
    pub(crate) const fn new(timers: &SessionTimers) -> Self {
        Self { expires: timers.expires, ours: true }
    }

    /// When something is due: half-way for who refreshes, shortly before the end for who waits (RFC 4028 section 10).
    pub(crate) fn due(&self, now: Instant) -> Instant {
        if self.ours {
            return now + self.expires / 2;
        }
        now + self.expires.saturating_sub(Duration::from_secs(32).min(self.expires / 3))
    }

    /// What their request asks for, as we answer it. Err: too short, with the least we take (422).
    pub(crate) fn asked(request: &Headers, timers: &SessionTimers) -> Result<Self, u32> {
        let Some(asked) = request.session_expires() else { return Ok(Self::new(timers)) };
        let least = seconds(timers.min);
        if asked.seconds < least {
            return Err(least);
        }
        let least = request.min_se().unwrap_or(0).max(least);
        let expires = Duration::from_secs(asked.seconds.min(seconds(timers.expires).max(least)).into());
        // Who does not say is left to it, if able.
        let ours = match asked.refresher {
            Some(Refresher::Uas) => true,
            Some(Refresher::Uac) => false,
            None => !request.supports("timer"),
        };
        Ok(Self { expires, ours })
    }

    /// What the answer to their request says of it.
    pub(crate) fn answer(&self, request: &Headers, answer: &mut Headers) {
        if request.session_expires().is_none() && !request.supports("timer") {
            return;
        }
        let refresher = Some(if self.ours { Refresher::Uas } else { Refresher::Uac });
        let value = SessionExpires { seconds: seconds(self.expires), refresher };
        answer.push(Name::SessionExpires, value.to_string());
        if !self.ours {
            answer.push(Name::Require, "timer");
        }
    }

    /// What our request asks for.
    pub(crate) fn ask(&self, first: bool, request: &mut Headers, timers: &SessionTimers) {
        let refresher = (!first).then_some(if self.ours { Refresher::Uac } else { Refresher::Uas });
        let value = SessionExpires { seconds: seconds(self.expires), refresher };
        request.push(Name::SessionExpires, value.to_string());
        request.push(Name::MinSe, seconds(timers.min).to_string());
    }

    /// What they settled it to.
    pub(crate) fn settled(&self, answer: &Headers, timers: &SessionTimers) -> Self {
        match answer.session_expires() {
            Some(settled) => Self {
                expires: Duration::from_secs(settled.seconds.into()).max(timers.min),
                ours: settled.refresher != Some(Refresher::Uas),
            },
            None => Self { expires: self.expires, ours: true },
        }
    }
}

/// Whole seconds.
pub(crate) fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: SessionTimers =
        SessionTimers { expires: Duration::from_secs(1_800), min: Duration::from_secs(90) };

    fn request(headers: &[(&str, &str)]) -> Headers {
        let mut list = Headers::new();
        for (name, value) in headers {
            list.push(*name, *value);
        }
        list
    }

    #[test]
    fn who_asks_for_too_short_a_session_is_told_the_least() {
        assert_eq!(Session::asked(&request(&[("Session-Expires", "60")]), &TIMERS), Err(90));
    }

    #[test]
    fn the_refresher_is_who_can_and_the_time_is_what_was_asked() {
        let asked = |headers: &[(&str, &str)]| Session::asked(&request(headers), &TIMERS).unwrap();
        let both = asked(&[("Session-Expires", "600"), ("Supported", "timer")]);
        assert_eq!(both, Session { expires: Duration::from_secs(600), ours: false });
        assert!(asked(&[("Session-Expires", "600;refresher=uas"), ("Supported", "timer")]).ours);
        assert!(asked(&[]).ours, "a peer that knows no timers is asked by us");
        assert_eq!(asked(&[("Session-Expires", "7200"), ("k", "timer")]).expires.as_secs(), 1_800);
    }

    #[test]
    fn who_refreshes_does_so_half_way_and_who_waits_gives_up_before_the_end() {
        let session = |ours| Session { expires: Duration::from_secs(90), ours };
        assert_eq!(session(true).due(Instant::EPOCH), Instant::EPOCH + Duration::from_secs(45));
        assert_eq!(session(false).due(Instant::EPOCH), Instant::EPOCH + Duration::from_secs(60));
    }
}
