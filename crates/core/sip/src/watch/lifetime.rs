//! How long a subscription lasts, as the PBX says with each notification.

use std::time::Duration;

/// What a Subscription-State says (RFC 6665 section 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// It goes on, for so long where that is said.
    Lasts(Option<Duration>),
    /// It is over, and may be asked for again so much later.
    Over { again: Duration },
}

impl Lifetime {
    pub(super) fn read(value: Option<&str>) -> Option<Self> {
        let mut parts = value?.split(';').map(str::trim);
        let state = parts.next()?.to_ascii_lowercase();
        let param = |wanted: &str| {
            let mut found = parts.clone().filter_map(|part| part.split_once('='));
            found
                .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.trim().to_owned())
        };
        let seconds = |text: Option<String>| {
            text.and_then(|text| text.parse::<u32>().ok()).map(|seconds| Duration::from_secs(seconds.into()))
        };
        match &*state {
            "active" | "pending" => Some(Self::Lasts(seconds(param("expires")))),
            "terminated" => {
                let reason = param("reason").unwrap_or_default().to_ascii_lowercase();
                let after = seconds(param("retry-after"));
                let again = match &*reason {
                    "deactivated" | "timeout" => Duration::ZERO,
                    // Nobody there, or we are not wanted: that changes when somebody changes it.
                    "rejected" | "noresource" | "invariant" => Duration::from_secs(300),
                    // probation, giveup, or nothing said.
                    _ => after.unwrap_or(Duration::from_secs(5)),
                };
                Some(Self::Over { again })
            }
            _ => None,
        }
    }
}
