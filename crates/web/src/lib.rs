//! The HTTP edge: route table, handlers, pages, public APIs
