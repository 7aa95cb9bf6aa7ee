//! The sessions of protocol v3 in a virtual world; see `korinet_tests::sim`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod cuts;
mod pitfalls;
mod set_back;
mod worlds;
