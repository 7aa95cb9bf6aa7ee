use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};

/// The history of a world: always as a hash, and as text where somebody wants to read it.
#[derive(Debug, Clone)]
pub struct Trace {
    hash: Fnv,
    text: Option<String>,
}

impl Trace {
    /// A history that begins; `is_readable`: it is kept as text, too.
    #[must_use]
    pub fn new(is_readable: bool) -> Self {
        Self {
            hash: Fnv(0xcbf2_9ce4_8422_2325),
            text: is_readable.then(String::new),
        }
    }

    /// Something happened that counts for the hash.
    pub fn record(&mut self, what: impl Hash) {
        what.hash(&mut self.hash);
    }

    /// A line for the reader.
    pub fn line(&mut self, now: u64, line: fmt::Arguments<'_>) {
        if let Some(text) = &mut self.text {
            let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
            writeln!(text, "{seconds:>5}.{micros:06} {line}").unwrap();
        }
    }

    /// Whether there is a reader.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.text.is_some()
    }

    /// The hash of all so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// The text; empty, where nobody wanted it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}

/// FNV-1a by words: the same on every run and machine, which the standard hasher does not promise.
#[derive(Debug, Clone)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.write_u64(u64::from_le_bytes(padded));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}
