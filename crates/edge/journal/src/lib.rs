//! The ordered, durable log that every follower reads.
