use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::{Args, ValueEnum};
use korinet_chaos::{Chunks, Cut, Faults};

use super::parse_addr;

#[derive(Debug, Args)]
pub(crate) struct Chaos {
    /// Where to listen, HOST:PORT; port 0 lets the system choose
    #[arg(value_name = "LISTEN", value_parser = parse_addr)]
    pub(crate) listen: String,
    /// Where connections go on to, HOST:PORT
    #[arg(value_name = "TARGET", value_parser = parse_addr)]
    pub(crate) target: String,
    /// Cut each connection when one of its directions has carried so many bytes, such as 20000, 20k or 1M
    #[arg(long, value_name = "BYTES", group = "cuts", value_parser = parse_bytes)]
    cut_every: Option<NonZeroU64>,
    /// Cut connections at random, after so many bytes on average, both directions together
    #[arg(long, value_name = "MEAN_BYTES", group = "cuts", value_parser = parse_bytes)]
    cut_random: Option<NonZeroU64>,
    /// Cut each connection when it has lasted so long, such as 1s
    #[arg(long, value_name = "DUR", group = "cuts", value_parser = humantime::parse_duration)]
    cut_after: Option<Duration>,
    /// How to cut: fin, rst, silence (nothing passes until one end closes), or any of them at random
    #[arg(
        long,
        value_name = "HOW",
        requires = "cuts",
        default_value = "any",
        hide_possible_values = true
    )]
    cut_by: CutBy,
    /// How much longer each byte takes, in each direction, such as 50ms
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    delay: Option<Duration>,
    /// Forward in pieces of at most so many bytes, each written alone
    #[arg(long, value_name = "BYTES", group = "chunks", value_parser = parse_len)]
    chunk: Option<NonZeroUsize>,
    /// Forward in pieces of random sizes up to so many bytes, each written alone
    #[arg(long, value_name = "BYTES", group = "chunks", value_parser = parse_len)]
    chunk_random: Option<NonZeroUsize>,
    /// What all that is random follows from; drawn at random itself if it is not given, and told
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Count on stdout as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CutBy {
    Fin,
    Rst,
    Silence,
    Any,
}

impl Chaos {
    /// The faults, and the same in words, one after the other.
    pub(crate) fn faults(&self, seed: u64) -> (Faults, Vec<String>) {
        let mut faults = Faults::new(seed);
        let mut words = Vec::new();
        if let Some(bytes) = self.cut_every {
            faults = faults.cut_every(bytes);
            let by = self.cut_by.words();
            words.push(format!("cut by {by} after {bytes} bytes of a direction"));
        }
        if let Some(mean) = self.cut_random {
            faults = faults.cut_at_random(mean);
            let by = self.cut_by.words();
            words.push(format!("cut by {by} after {mean} bytes on average"));
        }
        if let Some(time) = self.cut_after {
            faults = faults.cut_after(time);
            let (by, time) = (self.cut_by.words(), humantime::format_duration(time));
            words.push(format!("cut by {by} after {time}"));
        }
        if let Some(kind) = self.cut_by.kind() {
            faults = faults.cut_by(kind);
        }
        if let Some(delay) = self.delay {
            faults = faults.delayed(delay);
            words.push(format!(
                "{} later in each direction",
                humantime::format_duration(delay)
            ));
        }
        if let Some(len) = self.chunk {
            faults = faults.in_chunks(Chunks::Even(len));
            words.push(format!("in pieces of at most {len} bytes"));
        }
        if let Some(most) = self.chunk_random {
            faults = faults.in_chunks(Chunks::Random(most));
            words.push(format!("in pieces of random sizes up to {most} bytes"));
        }
        (faults, words)
    }

    /// Whether pieces are counted.
    pub(crate) const fn has_pieces(&self) -> bool {
        self.chunk.is_some() || self.chunk_random.is_some()
    }
}

impl CutBy {
    const fn kind(self) -> Option<Cut> {
        match self {
            Self::Fin => Some(Cut::Fin),
            Self::Rst => Some(Cut::Reset),
            Self::Silence => Some(Cut::Silence),
            Self::Any => None,
        }
    }

    fn words(self) -> String {
        match self.kind() {
            Some(kind) => kind.to_string(),
            None => "FIN, RST or silence".to_owned(),
        }
    }
}

pub(super) fn parse_bytes(text: &str) -> Result<NonZeroU64, String> {
    let (digits, factor) = if let Some(digits) = text.strip_suffix('k') {
        (digits, 1000)
    } else if let Some(digits) = text.strip_suffix('M') {
        (digits, 1_000_000)
    } else {
        (text, 1)
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "found \"{text}\", expected a number of bytes such as 20000, 20k or 1M"
        ));
    }
    let number = digits.parse::<u64>().ok();
    let Some(bytes) = number.and_then(|number| number.checked_mul(factor)) else {
        return Err(format!("found {text}, expected at most {} bytes", u64::MAX));
    };
    NonZeroU64::new(bytes).ok_or_else(|| format!("found {text}, expected at least 1 byte"))
}

/// The length of a piece, which is never longer than memory is.
fn parse_len(text: &str) -> Result<NonZeroUsize, String> {
    Ok(NonZeroUsize::try_from(parse_bytes(text)?).unwrap_or(NonZeroUsize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_can_be_counted_in_thousands_and_millions() {
        let bytes = |text| parse_bytes(text).map(NonZeroU64::get);
        assert_eq!(bytes("1"), Ok(1));
        assert_eq!(bytes("20k"), Ok(20_000));
        assert_eq!(bytes("3M"), Ok(3_000_000));
        assert_eq!(bytes("18446744073709551615"), Ok(u64::MAX));
        for (bad, expect) in [
            ("0", "found 0, expected at least 1 byte"),
            ("0k", "found 0k, expected at least 1 byte"),
            (
                "18446744073709551616",
                "found 18446744073709551616, expected at most 18446744073709551615 bytes",
            ),
            (
                "18446744073709551615M",
                "found 18446744073709551615M, expected at most 18446744073709551615 bytes",
            ),
        ] {
            assert_eq!(bytes(bad), Err(expect.to_owned()));
        }
        for bad in [
            "", "k", "+1", "-1", "1.5k", "1K", "1kk", "1 k", "0x10", "1G",
        ] {
            let expect =
                format!("found \"{bad}\", expected a number of bytes such as 20000, 20k or 1M");
            assert_eq!(bytes(bad), Err(expect));
        }
    }
}
