use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use korinet_session::{ConnectionError, Limit};

/// What a server has to do at the moment, and what it had to do so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServerStats {
    /// Connections that there are, those included that have no session yet, or not any more.
    pub connections: usize,
    /// Of these, those that are about to say what they want.
    pub handshakes: usize,
    /// Sessions of protocol v3, those without a connection included.
    pub sessions: usize,
    /// The memory of these, in bytes, as it is counted for [`max_memory`](crate::ServerBuilder::max_memory).
    pub memory: u64,
    /// The most that it ever was.
    pub peak_memory: u64,
    /// Connections that were accepted so far.
    pub accepted: u64,
    /// Of these, those that got a session.
    pub admitted: u64,
    /// Those that got none: see [`ServerBuilder::on_refused`](crate::ServerBuilder::on_refused).
    pub refused: u64,
    /// Of these, how many since there were too many connections.
    pub refused_by_connections: u64,
    /// How many since they waited too long for others that were in the way, or made room for others that waited.
    pub refused_by_handshakes: u64,
    /// How many since too many of the same address had come to nothing.
    pub refused_by_failures: u64,
}

/// A connection that got no session.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Refused<'a> {
    /// The peer's address, where there is one.
    pub peer: Option<SocketAddr>,
    /// Why.
    pub reason: &'a ConnectionError,
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: AtomicU64,
    admitted: AtomicU64,
    refused: AtomicU64,
    by_connections: AtomicU64,
    by_handshakes: AtomicU64,
    by_failures: AtomicU64,
}

impl Counters {
    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_admitted(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self, reason: &ConnectionError) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let ConnectionError::LimitReached { limit, .. } = reason else {
            return;
        };
        let counter = match limit {
            Limit::Connections => &self.by_connections,
            Limit::Handshakes | Limit::HandshakesPerAddress => &self.by_handshakes,
            Limit::FailuresPerAddress => &self.by_failures,
            // It has a session.
            Limit::Memory | _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters; what is to be looked up elsewhere is zero.
    pub(super) fn read(&self) -> ServerStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServerStats {
            accepted: read(&self.accepted),
            admitted: read(&self.admitted),
            refused: read(&self.refused),
            refused_by_connections: read(&self.by_connections),
            refused_by_handshakes: read(&self.by_handshakes),
            refused_by_failures: read(&self.by_failures),
            ..ServerStats::default()
        }
    }
}
