use std::time::Duration;

use korinet_session::v3::{CallLimits, DriverConfig};
use korinet_session::{v2, v3};
use korinet_wire::v3::Level;

use crate::{AckLevel, ConfigError, Protocol, WhenDetached};

/// The least and the most that `max_message` can be, in bytes.
const MAX_MESSAGE: std::ops::RangeInclusive<usize> = 64..=64 * 1024 * 1024;

/// The least and the most messages of a window.
const WINDOW_MESSAGES: std::ops::RangeInclusive<usize> = 1..=1024 * 1024;

/// The least and the most bytes of a window.
const WINDOW_BYTES: std::ops::RangeInclusive<usize> = 1024..=1024 * 1024 * 1024;

/// The least and the most entries of a flight recorder.
const FLIGHT_RECORDER: std::ops::RangeInclusive<usize> = 0..=64 * 1024;

/// What client and server builders have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) ack_level: AckLevel,
    pub(crate) max_message: Option<usize>,
    pub(crate) window: Option<(usize, usize)>,
    pub(crate) ack_timeout: Option<Duration>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) session_expiry: Option<Duration>,
    pub(crate) when_detached: Option<WhenDetached>,
    pub(crate) linger: Option<Duration>,
    pub(crate) calls: Option<CallLimits>,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) max_control_frames: Option<u32>,
    pub(crate) flight_recorder: Option<usize>,
}

impl Settings {
    /// Refuses a setting that none of the protocols that may be spoken can go by.
    pub(crate) fn check(&self, protocols: &[Protocol]) -> Result<(), ConfigError> {
        let speaks = |wanted| protocols.contains(&wanted);
        let for_v3 = [
            ("ack_level durable", self.ack_level == AckLevel::Durable),
            ("window", self.window.is_some()),
            ("keep_alive", self.keep_alive.is_some()),
            ("session_expiry", self.session_expiry.is_some()),
            ("when_detached", self.when_detached.is_some()),
            ("linger", self.linger.is_some()),
            ("call_limits", self.calls.is_some()),
            ("max_control_frames", self.max_control_frames.is_some()),
            ("flight_recorder", self.flight_recorder.is_some()),
        ];
        match for_v3.into_iter().find(|(_, is_set)| *is_set) {
            Some((setting, _)) if !speaks(Protocol::V3) => Err(ConfigError::Needs {
                setting,
                needed: Protocol::V3,
                protocol: Protocol::V2,
            }),
            _ if self.ack_timeout.is_some() && !speaks(Protocol::V2) => Err(ConfigError::Needs {
                setting: "ack_timeout",
                needed: Protocol::V2,
                protocol: Protocol::V3,
            }),
            _ if self.ack_level == AckLevel::Durable => {
                Err(ConfigError::UnsupportedLevel(self.ack_level))
            }
            _ => self.flight_recorder.map_or(Ok(()), check_flight_recorder),
        }
    }

    /// The settings as protocol v2 goes by them.
    pub(crate) fn for_v2(&self) -> Result<v2::Config, ConfigError> {
        let acknowledge = match self.ack_level {
            AckLevel::Received => v2::Acknowledge::Received,
            AckLevel::Processed => v2::Acknowledge::Processed,
            AckLevel::Durable => return Err(ConfigError::UnsupportedLevel(self.ack_level)),
        };
        let mut config = v2::Config {
            acknowledge,
            ..v2::Config::default()
        };
        if let Some(bytes) = self.max_message {
            config.limits.max_frame = check_max_message(bytes)?;
        }
        if let Some(timeout) = self.ack_timeout {
            config.ack_timeout = Some(not_zero("ack_timeout", timeout)?);
        }
        Ok(config)
    }

    /// The settings as protocol v3 goes by them.
    pub(crate) fn for_v3(&self) -> Result<v3::Settings, ConfigError> {
        let mut settings = v3::Settings::default();
        if let Some(bytes) = self.max_message {
            settings.limits.message = check_max_message(bytes)?;
        }
        if let Some((messages, bytes)) = self.window {
            let messages = in_range("window messages", messages, WINDOW_MESSAGES)?;
            let bytes = in_range("window bytes", bytes, WINDOW_BYTES)?;
            settings.limits.messages = messages;
            settings.limits.bytes = bytes;
            settings.max_unacknowledged = messages;
            settings.max_unacknowledged_bytes = bytes;
        }
        if let Some(timeout) = self.handshake_timeout {
            settings.handshake_timeout = not_zero("handshake_timeout", timeout)?;
        }
        if let Some(frames) = self.max_control_frames {
            settings.max_control_frames = frames;
        }
        if let Some(interval) = self.keep_alive {
            settings.keep_alive = interval;
        }
        if let Some(expiry) = self.session_expiry {
            settings.expiry = expiry;
        }
        Ok(settings)
    }

    pub(crate) fn level(&self) -> Level {
        match self.ack_level {
            AckLevel::Received => Level::Received,
            AckLevel::Processed => Level::Processed,
            AckLevel::Durable => Level::Durable,
        }
    }

    pub(crate) fn driver(&self) -> DriverConfig {
        let default = DriverConfig::default();
        DriverConfig {
            when_detached: self.when_detached.unwrap_or(default.when_detached),
            linger: self.linger.unwrap_or(default.linger),
            calls: self.calls.unwrap_or(default.calls),
            flight_recorder: self.flight_recorder.unwrap_or(default.flight_recorder),
            ..default
        }
    }
}

pub(crate) fn check_max_message(bytes: usize) -> Result<u32, ConfigError> {
    in_range("max_message", bytes, MAX_MESSAGE)
}

fn check_flight_recorder(entries: usize) -> Result<(), ConfigError> {
    in_range("flight_recorder", entries, FLIGHT_RECORDER).map(|_| ())
}

fn in_range(
    setting: &'static str,
    found: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<u32, ConfigError> {
    match u32::try_from(found) {
        Ok(number) if range.contains(&found) => Ok(number),
        _ => Err(ConfigError::OutOfRange {
            setting,
            found,
            min: *range.start(),
            max: *range.end(),
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
    fill(&mut seed);
    seed
}

/// Fills memory with random bytes that nobody can guess.
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system gives randomness");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_another_version_can_give_is_refused_by_name() {
        let refused =
            |settings: Settings, protocol| settings.check(&[protocol]).unwrap_err().to_string();
        let second = Some(Duration::from_secs(1));
        let durable = Settings {
            ack_level: AckLevel::Durable,
            ..Settings::default()
        };
        assert_eq!(
            refused(durable.clone(), Protocol::V2),
            "ack_level durable needs protocol v3, but the protocol is v2"
        );
        assert_eq!(
            refused(durable, Protocol::V3),
            "ack_level durable is not in this version, expected received or processed"
        );
        let settings = Settings {
            keep_alive: second,
            ..Settings::default()
        };
        assert_eq!(
            refused(settings.clone(), Protocol::V2),
            "keep_alive needs protocol v3, but the protocol is v2"
        );
        settings.check(&[Protocol::V2, Protocol::V3]).unwrap();
        let settings = Settings {
            ack_timeout: second,
            ..Settings::default()
        };
        assert_eq!(
            refused(settings, Protocol::V3),
            "ack_timeout needs protocol v2, but the protocol is v3"
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
        let windows = [(0, 1024), (1, 1023), (1_048_577, 1024), (1, 1 << 31)];
        for window in windows {
            let settings = Settings {
                window: Some(window),
                ..Settings::default()
            };
            assert!(settings.for_v3().is_err(), "{window:?}");
        }
        for (entries, fits) in [(0, true), (65_536, true), (65_537, false)] {
            let settings = Settings {
                flight_recorder: Some(entries),
                ..Settings::default()
            };
            assert_eq!(settings.check(&[Protocol::V3]).is_ok(), fits, "{entries}");
        }
        assert_eq!(
            not_zero("ack_timeout", Duration::ZERO)
                .unwrap_err()
                .to_string(),
            "ack_timeout is zero, expected more"
        );
    }
}
