//! Transparency log: tree, checkpoints, proofs, offline verifier
