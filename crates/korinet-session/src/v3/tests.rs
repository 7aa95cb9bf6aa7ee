//! Client and server face to face, on links that the test holds in its hands.

mod closing;
mod opening;
mod pair;
mod refusals;
mod resuming;
