//! Alerts: a queue's figure is beyond the limit that the configuration sets for it.

use serde::{Deserialize, Serialize};

use crate::{AlertId, Timestamp};

/// A figure of a queue that can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Callers who wait.
    Waiting,
    /// How long the longest of them has waited, in seconds.
    LongestWait,
    /// Today's share answered in time, 0 to 1; it says nothing before ten calls were answered or abandoned.
    ServiceLevel,
    /// Agents that are ready; it says nothing while nobody is logged in and nobody waits.
    AgentsReady,
    /// Today's callers who gave up.
    Abandoned,
}

impl Figure {
    /// The public word, and the key of the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::LongestWait => "longest_wait",
            Self::ServiceLevel => "service_level",
            Self::AgentsReady => "agents_ready",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether less of it is worse; of the others more is.
    #[must_use]
    pub const fn less_is_worse(self) -> bool {
        match self {
            Self::ServiceLevel | Self::AgentsReady => true,
            Self::Waiting | Self::LongestWait | Self::Abandoned => false,
        }
    }

    /// Whether a value is beyond a limit: at least that much of what should be little, less than that of what should
    /// be much.
    #[must_use]
    pub fn is_beyond(self, value: f64, limit: f64) -> bool {
        if self.less_is_worse() { value < limit } else { value >= limit }
    }
}

/// An alert, as events and the queue's object carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same when it is raised and when it is cleared.
    pub id: AlertId,
    /// What is beyond its limit.
    pub figure: Figure,
    /// What it was when this was told; none: it said nothing then.
    pub value: Option<f64>,
    /// The limit it crossed.
    pub limit: f64,
    /// When it was raised.
    pub since: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_from_below_and_undercut_from_above() {
        assert!(Figure::Waiting.is_beyond(5.0, 5.0) && !Figure::Waiting.is_beyond(4.0, 5.0));
        assert!(Figure::AgentsReady.is_beyond(0.0, 1.0) && !Figure::AgentsReady.is_beyond(1.0, 1.0));
        assert!(Figure::ServiceLevel.is_beyond(0.79, 0.8) && !Figure::ServiceLevel.is_beyond(0.8, 0.8));
    }
}
