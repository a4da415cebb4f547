//! HTTP, WebSocket and SSE for subscribers, agents and operators.
