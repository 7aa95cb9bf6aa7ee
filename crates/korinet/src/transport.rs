//! The transports of sessions: how they are dialled and configured.

mod counted;
#[cfg(feature = "tls")]
mod prefixed;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;

pub(crate) use counted::Counted;
#[cfg(feature = "tls")]
pub(crate) use prefixed::Prefixed;
pub(crate) use tcp::{Plaintext, TcpDialer, configure};
#[cfg(unix)]
pub(crate) use unix::UnixDialer;
