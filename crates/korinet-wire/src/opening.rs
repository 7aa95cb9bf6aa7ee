use core::fmt;

/// What the first bytes of a connection look like when they are not what was expected.
///
/// A peer of another protocol is the commonest reason for an absurd length; naming it saves its
/// owner an hour. It is a guess for an error text, never a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Opening {
    /// An HTTP/1 request or response, or the HTTP/2 preface.
    Http,
    /// The preface of KoriNet protocol v3.
    KorinetV3,
    /// The version line of SSH.
    Ssh,
    /// A TLS record: a handshake or an alert.
    Tls,
}

impl Opening {
    /// The protocol that `bytes`, the first of a connection, seem to belong to.
    ///
    /// Four bytes are enough for every answer.
    #[must_use]
    pub fn guess(bytes: &[u8]) -> Option<Self> {
        const HTTP: [&[u8; 4]; 11] = [
            b"CONN", b"DELE", b"GET ", b"HEAD", b"HTTP", b"OPTI", b"PATC", b"POST", b"PRI ",
            b"PUT ", b"TRAC",
        ];
        match bytes.first_chunk::<4>()? {
            [0x15 | 0x16, 0x03, ..] => Some(Self::Tls),
            b"\xcbKNT" => Some(Self::KorinetV3),
            b"SSH-" => Some(Self::Ssh),
            start if HTTP.contains(&start) => Some(Self::Http),
            _ => None,
        }
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::KorinetV3 => "KoriNet protocol v3",
            Self::Ssh => "SSH",
            Self::Tls => "TLS",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_of_other_protocols_are_named() {
        for (bytes, expect) in [
            (&b"\x16\x03\x01\x02\x00\x01"[..], Some(Opening::Tls)),
            (b"\x15\x03\x03\x00\x02", Some(Opening::Tls)),
            (b"GET / HTTP/1.1\r\n", Some(Opening::Http)),
            (b"PRI * HTTP/2.0\r\n", Some(Opening::Http)),
            (b"HTTP/1.1 400 Bad Request\r\n", Some(Opening::Http)),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Some(Opening::Ssh)),
            (b"\xcbKNT\x03\0\0\0", Some(Opening::KorinetV3)),
            (b"\0\0\0\x05", None),
            (b"GET", None),
            (b"", None),
        ] {
            assert_eq!(Opening::guess(bytes), expect, "{bytes:?}");
        }
    }
}
