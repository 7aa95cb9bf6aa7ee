use core::fmt::{self, Write as _};
use core::time::Duration;

/// Text of a peer, quoted and escaped so that a terminal or a log takes it for nothing but text.
///
/// Control characters, what reorders or hides text (Unicode's format characters), and marks that
/// pile up on others come out as `\u{202e}`.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                // The quote that ends nothing here.
                '\'' => f.write_char('\'')?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        f.write_char('"')
    }
}

/// A time as the wire knows it: whole milliseconds (`1500ms`), and no more than it can carry.
pub(super) struct Millis(pub(super) Duration);

impl Millis {
    pub(super) fn get(&self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.get())
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        for (text, expect) in [
            ("plain, it's", r#""plain, it's""#),
            ("say \"hi\"\\", r#""say \"hi\"\\""#),
            ("a\nb\r\t\0", r#""a\nb\r\t\0""#),
            ("\u{1b}[31m", r#""\u{1b}[31m""#),
            ("\u{7f}\u{9b}", r#""\u{7f}\u{9b}""#),
            ("\u{202e}abc\u{2066}", r#""\u{202e}abc\u{2066}""#),
            ("e\u{301}", r#""e\u{301}""#),
            ("grün, 你好", "\"grün, 你好\""),
            ("\u{feff}\u{200b}\u{2028}", r#""\u{feff}\u{200b}\u{2028}""#),
        ] {
            assert_eq!(format!("{}", Quoted(text)), expect);
        }
    }

    #[test]
    fn times_are_whole_milliseconds() {
        for (time, expect) in [
            (Duration::ZERO, 0),
            (Duration::from_micros(1_999), 1),
            (Duration::from_millis(u64::MAX), u64::MAX),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(Millis(time).get(), expect);
        }
    }
}
