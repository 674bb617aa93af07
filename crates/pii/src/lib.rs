//! Recognisers for personal data and reversible codes
