//! Followers of the journal: the event hub and webhooks.
