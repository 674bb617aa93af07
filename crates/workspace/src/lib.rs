//! Conversations, memory, documents, retrieval
