//! What is protected against whom.
