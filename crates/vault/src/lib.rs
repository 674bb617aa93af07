//! Keys: root-key providers, envelope encryption, blind index, password hashing
