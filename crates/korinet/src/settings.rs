use std::time::Duration;

use korinet_session::v2;

use crate::{AckLevel, ConfigError, Protocol};

/// The least and the most that `max_message` can be, in bytes.
const MAX_MESSAGE: std::ops::RangeInclusive<usize> = 64..=64 * 1024 * 1024;

/// What client and server builders have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) ack_level: AckLevel,
    pub(crate) max_message: Option<usize>,
    pub(crate) ack_timeout: Option<Duration>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) session_expiry: Option<Duration>,
}

impl Settings {
    /// The settings as protocol v2 goes by them.
    pub(crate) fn for_v2(&self) -> Result<v2::Config, ConfigError> {
        let needs_v3 = |setting| ConfigError::NeedsV3 {
            setting,
            protocol: Protocol::V2,
        };
        let acknowledge = match self.ack_level {
            AckLevel::Received => v2::Acknowledge::Received,
            AckLevel::Processed => v2::Acknowledge::Processed,
            AckLevel::Durable => return Err(needs_v3("ack_level durable")),
        };
        let mut config = v2::Config {
            acknowledge,
            ..v2::Config::default()
        };
        if self.keep_alive.is_some() {
            return Err(needs_v3("keep_alive"));
        }
        if self.session_expiry.is_some() {
            return Err(needs_v3("session_expiry"));
        }
        if let Some(bytes) = self.max_message {
            config.limits.max_frame = check_max_message(bytes)?;
        }
        if let Some(timeout) = self.ack_timeout {
            config.ack_timeout = Some(not_zero("ack_timeout", timeout)?);
        }
        Ok(config)
    }
}

pub(crate) fn check_max_message(bytes: usize) -> Result<u32, ConfigError> {
    match u32::try_from(bytes) {
        Ok(limit) if MAX_MESSAGE.contains(&bytes) => Ok(limit),
        _ => Err(ConfigError::OutOfRange {
            setting: "max_message",
            found: bytes,
            min: *MAX_MESSAGE.start(),
            max: *MAX_MESSAGE.end(),
        }),
    }
}

pub(crate) fn not_zero(setting: &'static str, time: Duration) -> Result<Duration, ConfigError> {
    match time {
        Duration::ZERO => Err(ConfigError::Zero { setting }),
        time => Ok(time),
    }
}

/// Randomness for a session's or a server's ids.
///
/// A system without any is one on which the standard library's hash maps panic too.
pub(crate) fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the system gives randomness");
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_v3_can_give_is_refused_by_name() {
        let refused = |settings: Settings| settings.for_v2().unwrap_err().to_string();
        assert_eq!(
            refused(Settings {
                ack_level: AckLevel::Durable,
                ..Settings::default()
            }),
            "ack_level durable needs protocol v3, but the protocol is v2"
        );
        assert_eq!(
            refused(Settings {
                keep_alive: Some(Duration::from_secs(1)),
                ..Settings::default()
            }),
            "keep_alive needs protocol v3, but the protocol is v2"
        );
        assert_eq!(
            refused(Settings {
                session_expiry: Some(Duration::from_secs(1)),
                ..Settings::default()
            }),
            "session_expiry needs protocol v3, but the protocol is v2"
        );
    }

    #[test]
    fn bounds_are_exact_and_named() {
        for (bytes, fits) in [
            (63, false),
            (64, true),
            (67_108_864, true),
            (67_108_865, false),
            (usize::MAX, false),
        ] {
            assert_eq!(check_max_message(bytes).is_ok(), fits, "{bytes}");
        }
        assert_eq!(
            check_max_message(63).unwrap_err().to_string(),
            "max_message is 63, expected 64 to 67108864"
        );
        assert_eq!(
            not_zero("ack_timeout", Duration::ZERO)
                .unwrap_err()
                .to_string(),
            "ack_timeout is zero, expected more"
        );
    }
}
