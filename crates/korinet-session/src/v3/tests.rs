//! Client and server face to face, on links that the test holds in its hands.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what is not expected fails the test, whatever it is"
)]

mod closing;
mod opening;
mod pair;
mod refusals;
mod resuming;
mod routing;
mod secrets;
