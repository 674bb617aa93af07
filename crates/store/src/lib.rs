//! The only door to durable data: SQL, usage journal, audit outbox and sequencer; tenant scope lives here
