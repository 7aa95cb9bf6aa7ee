//! The transports of sessions: how they are dialled and configured.

mod counted;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;

pub(crate) use counted::Counted;
pub(crate) use tcp::{Plaintext, TcpDialer, configure};
#[cfg(unix)]
pub(crate) use unix::UnixDialer;
