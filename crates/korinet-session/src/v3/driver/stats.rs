use std::time::Duration;

/// What a session has done so far, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Messages that were accepted for sending.
    pub sent: u64,
    /// Of these, those that the peer has acknowledged, or that were handed back.
    pub settled: u64,
    /// Messages that the application has received; and up to 63 more, where it reads fast and they are taken out of the
    /// session ahead of it.
    pub received: u64,
    /// Messages that are received and that the application has not read, nor are taken ahead of it.
    pub unread: usize,
    /// Times that a message was written again on another connection.
    pub replayed: u64,
    /// Messages of the peer that came again and were dropped.
    pub deduplicated: u64,
    /// Connections that the session had.
    pub connections: u64,
    /// Sessions that could not be resumed and were replaced by a new one.
    pub lost: u64,
    /// Messages that are not acknowledged yet.
    pub unacknowledged: usize,
    /// The bytes of their frames, which are kept to be sent again.
    pub unacknowledged_bytes: u64,
    /// Requests of this side that are not answered.
    pub calls: usize,
    /// Requests of the peer that are not answered.
    pub requests: usize,
    /// The time from the writing of a message to its acknowledgement, or of a probe to its answer, whichever
    /// was measured last.
    pub round_trip: Option<Duration>,
}
