//! CBOR in diagnostic notation (RFC 8949, section 8), on one line, and not more of it than is asked for.

use std::fmt::{self, Write};

use korinet::Value;

/// A payload, of which at most so many characters are shown.
pub(super) struct Diagnostic<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_raw: bool,
    pub(super) max: usize,
}

/// An output with an end.
struct Bounded<'f, 'a> {
    output: &'f mut fmt::Formatter<'a>,
    left: usize,
    is_full: bool,
}

impl Write for Bounded<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let Some(left) = self.left.checked_sub(1) else {
                self.is_full = true;
                return Err(fmt::Error);
            };
            self.left = left;
            self.output.write_char(character)?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bounded = Bounded {
            output: f,
            left: self.max,
            is_full: false,
        };
        let written = self.write(&mut bounded);
        match bounded.is_full {
            true => f.write_char('…'),
            false => written,
        }
    }
}

impl Diagnostic<'_> {
    fn write(&self, f: &mut impl Write) -> fmt::Result {
        if self.is_raw {
            return bytes(self.bytes, f);
        }
        match Value::from_cbor(self.bytes) {
            Ok(value) => item(&value, f),
            // The payload is the application's matter (V3-23).
            Err(error) => {
                bytes(self.bytes, f)?;
                write!(f, " (no CBOR: {error})")
            }
        }
    }
}

/// How deep this goes is limited by how deep values are.
fn item(value: &Value, f: &mut impl Write) -> fmt::Result {
    match value {
        Value::Integer(integer) => write!(f, "{integer}"),
        Value::Bytes(content) => bytes(content, f),
        Value::Text(content) => text(content, f),
        Value::Array(items) => {
            f.write_char('[')?;
            for (index, value) in items.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                item(value, f)?;
            }
            f.write_char(']')
        }
        Value::Map(entries) => {
            f.write_char('{')?;
            for (index, (key, value)) in entries.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                item(key, f)?;
                f.write_str(": ")?;
                item(value, f)?;
            }
            f.write_char('}')
        }
        Value::Tag(tag, content) => {
            write!(f, "{tag}(")?;
            item(content, f)?;
            f.write_char(')')
        }
        Value::Simple(number) => write!(f, "simple({number})"),
        Value::Bool(value) => write!(f, "{value}"),
        Value::Null => f.write_str("null"),
        Value::Undefined => f.write_str("undefined"),
        Value::Float(number) => float(*number, f),
    }
}

fn float(number: f64, f: &mut impl Write) -> fmt::Result {
    if number.is_nan() {
        f.write_str("NaN")
    } else if number.is_infinite() {
        f.write_str(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
    } else {
        // With a point, so that it is no integer.
        write!(f, "{number:?}")
    }
}

fn bytes(content: &[u8], f: &mut impl Write) -> fmt::Result {
    f.write_str("h'")?;
    content
        .iter()
        .try_for_each(|byte| write!(f, "{byte:02x}"))?;
    f.write_char('\'')
}

/// Nothing that a terminal would act on, or that hides or reorders other text.
pub(super) fn text(content: &str, f: &mut impl Write) -> fmt::Result {
    f.write_char('"')?;
    for character in content.chars() {
        match character {
            '\'' => f.write_char('\'')?,
            other => write!(f, "{}", other.escape_debug())?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], is_raw: bool, max: usize, expect: &str) {
        let diagnostic = Diagnostic { bytes, is_raw, max };
        assert_eq!(diagnostic.to_string(), expect);
    }

    #[test]
    fn items_are_shown_as_the_rfc_shows_them() {
        for (cbor, expect) in [
            (&b"\xa1\x64type\x64ping"[..], r#"{"type": "ping"}"#),
            (
                b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
                "-18446744073709551616",
            ),
            (b"\x84\xf4\xf5\xf6\xf7", "[false, true, null, undefined]"),
            (b"\xf9\x3e\x00", "1.5"),
            (b"\xf9\x3c\x00", "1.0"),
            (b"\xf9\x7e\x00", "NaN"),
            (b"\xf9\xfc\x00", "-Infinity"),
            (b"\xc1\x1a\x51\x4b\x67\xb0", "1(1363896240)"),
            (b"\x41\xff", "h'ff'"),
            (b"\xf8\x20", "simple(32)"),
            (b"\x63a\x1b\n", r#""a\u{1b}\n""#),
        ] {
            check(cbor, false, 100, expect);
        }
        check(b"\xff\xfe", true, 100, "h'fffe'");
    }

    #[test]
    fn what_is_no_cbor_is_shown_as_bytes() {
        let shown = Diagnostic {
            bytes: b"\xff",
            is_raw: false,
            max: 100,
        };
        assert!(shown.to_string().starts_with("h'ff' (no CBOR: "), "{shown}");
    }

    #[test]
    fn no_more_is_shown_than_is_asked_for() {
        check(b"\x82\x01\x02", false, 6, "[1, 2]");
        check(b"\x82\x01\x02", false, 5, "[1, 2…");
        check(&[0; 1000], true, 10, "h'00000000…");
        check(b"\x01", false, 0, "…");
    }
}
