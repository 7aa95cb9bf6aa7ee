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

/// What a connection that a server accepted speaks, by its first bytes (V3-2).
///
/// Other than [`Opening::guess`], this decides: the protocols that share a port differ in their first
/// two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detection {
    /// Nothing that shares a port with KoriNet; what it looks like, if it looks like anything.
    Unknown(Option<Opening>),
    /// Too few bytes to tell.
    NeedMore {
        /// How many more may be enough, at least one.
        needed: usize,
    },
    /// A TLS handshake.
    Tls,
    /// Protocol v2: the first byte is zero, the top of a small length.
    V2,
    /// The beginning of the preface of v3; [`v3::preface`](crate::v3::preface) checks the rest.
    V3,
}

impl Detection {
    /// What `bytes`, the first of a connection, are the beginning of.
    ///
    /// One byte is enough for v2 and v3, two for TLS. What is none of them is unknown with four, so
    /// that an error can name it; an end before that is the end of something unknown.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x00, ..] => Self::V2,
            [0xcb, ..] => Self::V3,
            [0x16, 0x03, ..] => Self::Tls,
            [0x16] => Self::NeedMore { needed: 1 },
            _ => match 4_usize.checked_sub(bytes.len()) {
                None | Some(0) => Self::Unknown(Opening::guess(bytes)),
                // Every answer but this one may come with the next byte.
                Some(_) if bytes.is_empty() => Self::NeedMore { needed: 1 },
                Some(needed) => Self::NeedMore { needed },
            },
        }
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

    #[test]
    fn what_shares_a_port_is_told_apart() {
        let more = |needed| Detection::NeedMore { needed };
        for (bytes, expect) in [
            (&b""[..], more(1)),
            (b"\0", Detection::V2),
            (b"\0\x08\0\0", Detection::V2),
            (b"\xcb", Detection::V3),
            (b"\xcbKNT\x04", Detection::V3),
            (b"\x16", more(1)),
            (b"\x16\x03", Detection::Tls),
            (b"\x16\x02", more(2)),
            (b"\x16\x02\0\0", Detection::Unknown(None)),
            (b"GET", more(1)),
            (b"GET /", Detection::Unknown(Some(Opening::Http))),
            (b"\x15\x03\x03\0", Detection::Unknown(Some(Opening::Tls))),
            (b"\x01\0\0\0", Detection::Unknown(None)),
        ] {
            assert_eq!(Detection::of(bytes), expect, "{bytes:02x?}");
        }
    }
}
