//! Retention, erasure, subject requests, sub-processors, incidents
