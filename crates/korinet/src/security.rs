#![doc = include_str!("security.md")]

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::Duration;

    use korinet_proto::Rate;
    use korinet_proto::v3::{Connection, ReceiveWindow};
    use korinet_session::v3::{Incoming, ServerConfig, Settings};
    use korinet_wire::v3 as wire;

    use crate::Value;
    use crate::server::{GateLimits, PROTECTION};

    /// A number as people read it.
    fn grouped(number: impl Into<u64>) -> String {
        let digits = number.into().to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index) % 3 == 0 {
                text.push(',');
            }
            text.push(digit);
        }
        text
    }

    fn size(bytes: impl Into<u64>) -> String {
        let bytes = bytes.into();
        for (unit, name) in [(1 << 20, "MiB"), (1 << 10, "KiB")] {
            if bytes >= unit && bytes % unit == 0 {
                return format!("{} {name}", grouped(bytes / unit));
            }
        }
        format!("{} bytes", grouped(bytes))
    }

    fn time(time: Duration) -> String {
        match time.as_secs() {
            seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
            seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
            _ => format!("{} s", time.as_secs_f64()),
        }
    }

    fn rate(rate: Rate) -> String {
        let (burst, per_second) = (grouped(rate.burst), grouped(rate.per_second));
        format!("{burst} at once, {per_second} a second")
    }

    fn count(number: usize) -> String {
        grouped(u64::try_from(number).unwrap())
    }

    /// What is limited, to how much, by which method of the builder, and what is beyond it.
    fn rows() -> Vec<[String; 4]> {
        let settings = Settings::default();
        let ServerConfig {
            max_sessions,
            max_sessions_per_principal,
            max_memory,
            resumes,
            take_overs,
            max_connection_age,
            max_tombstones,
            tombstone_life,
            ..
        } = ServerConfig::default();
        let gate = GateLimits::default();
        let v2 = korinet_wire::v2::Limits::default();
        let limits = settings.limits;
        let calls = korinet_session::v3::CallLimits::default();
        let row = |what: &str, value: String, method: &str, beyond: &str| {
            let method = match method {
                "" => "fixed".to_owned(),
                method => format!("[`{method}`](crate::ServerBuilder::{method})"),
            };
            [what.to_owned(), value, method, beyond.to_owned()]
        };
        let window = format!(
            "{} messages, {}",
            grouped(limits.messages),
            size(limits.bytes)
        );
        let handshakes = count(gate.handshakes);
        let per_address = count(gate.handshakes_per_address);
        let frame = format!(
            "{}; after the welcome the message and 64 bytes, at least that",
            size(wire::MAX_HANDSHAKE_FRAME)
        );
        let volatile = format!("{}, {}", ReceiveWindow::MAX_VOLATILE, size(limits.bytes));
        let texts = format!("{}; {}", wire::MAX_AGENT, wire::MAX_TEXT);
        let remembered = format!("{}, for {}", count(max_tombstones), time(tombstone_life));
        let age = format!("{}, give or take a tenth", time(max_connection_age));
        let silence = time(settings.keep_alive * 2);
        let authentication = u64::try_from(wire::MAX_AUTHENTICATION).unwrap();
        vec![
            row(
                "connections",
                count(gate.connections),
                "max_connections",
                "closed at once: `LimitReached`",
            ),
            row(
                "unfinished handshakes",
                handshakes,
                "max_handshakes",
                "wait, then closed: `LimitReached`",
            ),
            row(
                "the same of one address, or the first 64 bits of one",
                per_address,
                "max_handshakes",
                "the same",
            ),
            row(
                "a handshake, from the accepting to the session",
                time(settings.handshake_timeout),
                "handshake_timeout",
                "`timeout`: `HandshakeTimeout`",
            ),
            row(
                "the same without the whole HELLO, while addresses with fewer handshakes wait",
                time(PROTECTION),
                "",
                "closed: `LimitReached`",
            ),
            row(
                "handshakes of one address that come to nothing",
                rate(gate.failures_per_address),
                "max_failures",
                "closed at once: `LimitReached`",
            ),
            row(
                "sessions",
                count(max_sessions),
                "max_sessions",
                "`too-many-sessions`",
            ),
            row(
                "sessions of one principal",
                count(max_sessions_per_principal),
                "max_sessions_per_principal",
                "the same",
            ),
            row(
                "new sessions that nobody has accepted",
                count(Incoming::BACKLOG),
                "",
                "wait, then `overloaded`",
            ),
            row(
                "memory of all sessions",
                size(max_memory),
                "max_memory",
                "`overloaded`: `LimitReached`; what the application sends waits",
            ),
            row(
                "what is unacknowledged, each way",
                window,
                "window",
                "`window-exceeded`; what the application sends waits",
            ),
            row(
                "one message",
                size(limits.message),
                "max_message",
                "`message-too-large`; in v2 `FrameTooLarge`",
            ),
            row(
                "one message of protocol v2, with its frame",
                size(v2.max_frame),
                "max_message",
                "`FrameTooLarge`",
            ),
            row("a frame before the welcome", frame, "", "`frame-too-large`"),
            row(
                "volatile payloads that nobody has read",
                volatile,
                "window",
                "the oldest are dropped",
            ),
            row(
                "frames that carry nothing forward",
                format!("{} a second", Connection::MAX_CONTROL_FRAMES),
                "max_control_frames",
                "`control-flood`",
            ),
            row(
                "resumes of one session",
                rate(resumes),
                "max_resumes",
                "`overloaded`, with the time to wait",
            ),
            row(
                "take-overs of one session",
                rate(take_overs),
                "max_take_overs",
                "the same",
            ),
            row(
                "the age of a connection",
                age,
                "max_connection_age",
                "`authentication-expired`: `Outdated`",
            ),
            row(
                "requests of the peer that are not answered",
                count(calls.peer),
                "call_limits",
                "answered as `busy`",
            ),
            row(
                "requests that nobody has taken",
                size(calls.peer_bytes),
                "call_limits",
                "answered as `busy`",
            ),
            row(
                "a stream that nobody reads, that somebody reads",
                format!("64 KiB, {}", size(calls.stream)),
                "call_limits",
                "the call ends: `stream-broken`",
            ),
            row("silence", silence, "keep_alive", "`timeout`: `Silent`"),
            row(
                "connected without acknowledging anything",
                "not limited".to_owned(),
                "stall_timeout",
                "`timeout`: `Stalled`; the third time in a row the session is over",
            ),
            row(
                "a session without a connection",
                time(settings.expiry),
                "session_expiry",
                "`session-expired`",
            ),
            row(
                "ended sessions that are remembered",
                remembered,
                "",
                "the oldest are forgotten: `session-unknown`",
            ),
            row(
                "a credential",
                size(authentication),
                "",
                "`frame-malformed`",
            ),
            row("bytes of names; of reasons", texts, "", "`frame-malformed`"),
            row(
                "levels in what is skipped of a frame",
                wire::MAX_SKIPPED_DEPTH.to_string(),
                "",
                "`frame-malformed`",
            ),
            row(
                "levels in a `Value`",
                Value::MAX_DEPTH.to_string(),
                "",
                "`ValueError`; the session goes on",
            ),
        ]
    }

    fn table() -> String {
        let mut table = String::from(
            "| what | limit by default | method | beyond it |\n| --- | --- | --- | --- |\n",
        );
        for [what, value, method, beyond] in rows() {
            writeln!(table, "| {what} | {value} | {method} | {beyond} |").unwrap();
        }
        table
    }

    #[test]
    fn the_table_of_limits_is_what_the_code_says() {
        let table = table();
        assert!(
            include_str!("security.md").contains(&table),
            "security.md should have:\n\n{table}"
        );
    }
}
