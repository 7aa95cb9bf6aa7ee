/// The fuzzer's bytes, read as a script: what to do, and with what.
pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; the script is over where there is none.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number below `bound`, zero at the end of the script.
    pub(super) fn below(&mut self, bound: u8) -> u8 {
        self.byte().unwrap_or(0) % bound
    }

    /// At most `most` bytes.
    pub(super) fn bytes(&mut self, most: u8) -> &'a [u8] {
        let len = usize::from(self.below(most.saturating_add(1))).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }
}
