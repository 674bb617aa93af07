//! The only door out: connector, destination registry, address guard, egress record
