/// What can happen in a script, so that whoever runs scripts can tell whether they get anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum What {
    Opened,
    Resumed,
    TakenOver,
    Rejected,
    Unanswered,
    TooMany,
    ToldOfTheEnd,
    HandshakeTimeout,
    ForgeryRefused,
    TheftRefused,
    BrokenOff,
    Silent,
    Expired,
    Ended,
    Delivered,
    Volatile,
    BehindTheEnd,
    OfV2,
    OfV2Refused,
    OfV2Delivered,
    OfV2Acknowledged,
    OtherProtocol,
    HealthyDelivered,
    HealthyResumed,
}

/// How often it did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occurred([u32; What::ALL.len()]);

impl What {
    /// All of it.
    pub const ALL: [Self; 24] = [
        Self::Opened,
        Self::Resumed,
        Self::TakenOver,
        Self::Rejected,
        Self::Unanswered,
        Self::TooMany,
        Self::ToldOfTheEnd,
        Self::HandshakeTimeout,
        Self::ForgeryRefused,
        Self::TheftRefused,
        Self::BrokenOff,
        Self::Silent,
        Self::Expired,
        Self::Ended,
        Self::Delivered,
        Self::Volatile,
        Self::BehindTheEnd,
        Self::OfV2,
        Self::OfV2Refused,
        Self::OfV2Delivered,
        Self::OfV2Acknowledged,
        Self::OtherProtocol,
        Self::HealthyDelivered,
        Self::HealthyResumed,
    ];
}

impl Occurred {
    pub(super) const fn note(&mut self, what: What) {
        self.0[what as usize] += 1;
    }

    /// Adds what occurred in another script.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// How often it occurred.
    #[must_use]
    pub const fn count(&self, what: What) -> u32 {
        self.0[what as usize]
    }
}
