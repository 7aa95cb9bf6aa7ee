/// How much of calls a session holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// The requests of this side that are not answered; more wait. 256 by default, as many as any peer takes (V3-47).
    pub local: usize,
    /// The requests of the peer that are not answered; more are refused as `busy`. 1,024 by default, since a request
    /// that was given up counts on this side for as long as it is worked on.
    pub peer: usize,
    /// The bytes of those that the application has not taken; one is always allowed, more are refused as `busy`.
    /// 16 MiB by default.
    pub peer_bytes: u64,
    /// The bytes of a stream that may come before the application has taken them, where it reads: each item counts
    /// 64 bytes more than it has (V3-49). Before the application reads it is 64 KiB. 256 KiB by default.
    pub stream: u64,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            local: 256,
            peer: 1_024,
            peer_bytes: 16 << 20,
            stream: 256 << 10,
        }
    }
}
