//! The transports of sessions: how they are dialled and configured.

mod tcp;
#[cfg(unix)]
mod unix;

pub(crate) use tcp::{TcpDialer, configure};
#[cfg(unix)]
pub(crate) use unix::UnixDialer;
