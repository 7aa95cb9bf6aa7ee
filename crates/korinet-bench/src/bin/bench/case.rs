use std::fmt;

use korinet_bench::Workload;

/// Where the processes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Placement {
    /// All on one core.
    Pinned,
    /// Wherever the system has them.
    Free,
}

impl Placement {
    pub(crate) const ALL: [Self; 2] = [Self::Pinned, Self::Free];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Free => "free",
        }
    }
}

/// One thing to be measured of each peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) placement: Placement,
    pub(crate) group: Group,
    pub(crate) workload: Workload,
    pub(crate) sessions: usize,
    pub(crate) size: usize,
}

/// What is asked for by one word of `--workloads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Rtt,
    Stream,
    Duplex,
    Sessions,
    Connect,
    Resume,
    Idle,
    Far,
}

impl Group {
    pub(crate) const ALL: [Self; 8] = [
        Self::Rtt,
        Self::Stream,
        Self::Duplex,
        Self::Sessions,
        Self::Connect,
        Self::Resume,
        Self::Idle,
        Self::Far,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rtt => "rtt",
            Self::Stream => "stream",
            Self::Duplex => "duplex",
            Self::Sessions => "sessions",
            Self::Connect => "connect",
            Self::Resume => "resume",
            Self::Idle => "idle",
            Self::Far => "far",
        }
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headline {
    /// Half of them took no longer.
    Time,
    Messages,
    Bytes,
    Memory,
}

impl Case {
    /// Those that take long and differ little from round to round are measured less often.
    pub(crate) const fn is_in(&self, round: usize) -> bool {
        match self.group {
            Group::Idle => round == 0,
            Group::Sessions | Group::Far => round.is_multiple_of(2),
            Group::Rtt | Group::Stream | Group::Duplex | Group::Connect | Group::Resume => true,
        }
    }

    pub(crate) const fn headline(&self) -> Headline {
        match self.group {
            Group::Rtt | Group::Connect | Group::Resume => Headline::Time,
            Group::Stream | Group::Duplex | Group::Sessions => Headline::Messages,
            Group::Idle => Headline::Memory,
            Group::Far => Headline::Bytes,
        }
    }
}

impl Case {
    /// Of what is compared.
    pub(crate) const fn unit(&self) -> &'static str {
        match self.headline() {
            Headline::Time => "p50 µs",
            Headline::Messages => "msgs/s",
            Headline::Bytes => "MB/s",
            Headline::Memory => "RSS B/session",
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = size_name(self.size);
        let placement = self.placement.name();
        match self.group {
            Group::Sessions => write!(
                f,
                "{} of {size} in {} sessions, {placement}",
                self.workload, self.sessions
            ),
            Group::Idle => write!(f, "{} idle sessions, {placement}", self.sessions),
            Group::Far => write!(
                f,
                "stream of {size} over {:?}, {placement}",
                crate::far::ROUND_TRIP
            ),
            Group::Rtt | Group::Stream | Group::Duplex | Group::Connect | Group::Resume => {
                write!(f, "{} of {size}, {placement}", self.workload)
            }
        }
    }
}

pub(crate) fn size_name(bytes: usize) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => {
            format!("{} MiB", bytes >> 20)
        }
        bytes if bytes >= 1024 && bytes.is_multiple_of(1024) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}
