use std::fmt;
use std::str::FromStr;

use crate::Failure;

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

/// What the two processes do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// One message at a time in each session, acknowledged before the next.
    Rtt,
    /// The client sends as fast as it can.
    Stream,
    /// Both send as fast as they can.
    Duplex,
    /// Sessions are opened, used for one acknowledged message and closed, one after the other.
    Connect,
    /// A connection is lost and the session goes on with the next one, again and again.
    Resume,
    /// Sessions are opened, used for one acknowledged message and kept.
    Idle,
}

impl Workload {
    pub const ALL: [Self; 6] = [
        Self::Rtt,
        Self::Stream,
        Self::Duplex,
        Self::Connect,
        Self::Resume,
        Self::Idle,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rtt => "rtt",
            Self::Stream => "stream",
            Self::Duplex => "duplex",
            Self::Connect => "connect",
            Self::Resume => "resume",
            Self::Idle => "idle",
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Workload {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("unknown workload \"{text}\", expected {names}").into()
        })
    }
}

/// What both processes of a measurement are told on their command lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub role: Role,
    pub workload: Workload,
    /// Which way of using the peer, where there are several; empty for the ordinary one.
    pub variant: String,
    /// The payload's bytes.
    pub size: usize,
    /// How many at a time.
    pub sessions: usize,
    /// The bytes that may be on their way unacknowledged, where the peer has such a bound and its default is not meant.
    pub window: Option<usize>,
    /// Where the server listens; the client alone is told.
    pub port: u16,
    /// Whom the client trusts, in PEM, where the server has a certificate.
    pub certificate: Option<String>,
    /// The only core to run on.
    pub core: Option<usize>,
}

const EXPECTED: &str = "server or client, then --workload NAME and any of --variant NAME, --size BYTES, \
     --sessions N, --window BYTES, --port PORT, --certificate PEM, --core N";

impl Options {
    #[must_use]
    pub const fn new(role: Role, workload: Workload) -> Self {
        Self {
            role,
            workload,
            variant: String::new(),
            size: 64,
            sessions: 1,
            window: None,
            port: 0,
            certificate: None,
            core: None,
        }
    }

    /// As they stand on a command line, without the program.
    ///
    /// # Errors
    ///
    /// They make no sense; the text says what was found and what is allowed.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut arguments = arguments.into_iter();
        let role = match arguments.next().as_deref() {
            Some("server") => Role::Server,
            Some("client") => Role::Client,
            Some(other) => return Err(format!("found \"{other}\", expected {EXPECTED}").into()),
            None => return Err(format!("found no arguments, expected {EXPECTED}").into()),
        };
        let mut options = Self::new(role, Workload::Rtt);
        while let Some(name) = arguments.next() {
            let missing = || Failure::from(format!("{name} needs a value"));
            let value = arguments.next().ok_or_else(missing)?;
            match name.as_str() {
                "--workload" => options.workload = value.parse()?,
                "--variant" => options.variant = value,
                "--size" => options.size = number(&name, &value)?,
                "--sessions" => options.sessions = number(&name, &value)?,
                "--window" => options.window = Some(number(&name, &value)?),
                "--port" => options.port = number(&name, &value)?,
                "--certificate" => options.certificate = Some(value),
                "--core" => options.core = Some(number(&name, &value)?),
                other => {
                    return Err(format!("unknown option \"{other}\", expected {EXPECTED}").into());
                }
            }
        }
        Ok(options)
    }

    /// What [`parse`](Self::parse) reads.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let role = match self.role {
            Role::Server => "server",
            Role::Client => "client",
        };
        let mut arguments = vec![role.to_owned()];
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        option("--workload", self.workload.to_string());
        if !self.variant.is_empty() {
            option("--variant", self.variant.clone());
        }
        option("--size", self.size.to_string());
        option("--sessions", self.sessions.to_string());
        if let Some(window) = self.window {
            option("--window", window.to_string());
        }
        option("--port", self.port.to_string());
        if let Some(certificate) = &self.certificate {
            option("--certificate", certificate.clone());
        }
        if let Some(core) = self.core {
            option("--core", core.to_string());
        }
        arguments
    }

    /// For a variant that the program does not have.
    #[must_use]
    pub fn unknown_variant(&self, allowed: &[&str]) -> Failure {
        let allowed = allowed.join(", ");
        format!("unknown variant \"{}\", expected {allowed}", self.variant).into()
    }
}

fn number<T: FromStr>(option: &str, value: &str) -> Result<T, Failure> {
    let wrong = |_| Failure::from(format!("{option} needs a number, not \"{value}\""));
    value.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let options = Options {
            variant: "tls".into(),
            size: 1024,
            sessions: 10,
            window: Some(1 << 20),
            port: 7,
            certificate: Some("PEM".into()),
            core: Some(1),
            ..Options::new(Role::Client, Workload::Duplex)
        };
        assert_eq!(Options::parse(options.arguments()).unwrap(), options);
    }

    #[test]
    fn mistakes_are_answered_with_what_is_allowed() {
        let error = |arguments: &[&str]| {
            let arguments = arguments.iter().map(ToString::to_string);
            Options::parse(arguments).unwrap_err().to_string()
        };
        assert!(error(&[]).contains("expected server or client"));
        assert!(error(&["server", "--workload", "x"]).ends_with("resume, idle"));
        assert!(error(&["server", "--size"]).contains("needs a value"));
        assert!(error(&["server", "--speed", "1"]).contains("unknown option \"--speed\""));
    }
}
