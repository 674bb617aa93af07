//! Controls, probes, evidence, status
