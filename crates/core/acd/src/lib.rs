//! The engine: calls, agents, queues, offers, routing, ledger; pure and deterministic.
