//! The files of `tests/vectors`, read as their README says.

use std::fs;
use std::path::Path;

/// One block of a file.
#[derive(Debug)]
pub struct Vector {
    /// The file's name, without its ending.
    pub file: String,
    /// The block's own.
    pub name: String,
    /// The rule that it belongs to.
    pub rule: String,
    /// The largest body that the receiver takes, in bytes.
    pub limit: u32,
    /// What is received.
    pub bytes: Vec<u8>,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of a vector's bytes.
#[derive(Debug)]
pub enum Verdict {
    /// A frame is at their start.
    Accept {
        /// How it is shown.
        shows: String,
        /// It holds what V3-6 skips.
        unknown: bool,
    },
    /// Nothing is wrong yet.
    Partial {
        /// So many bytes are missing for the next step.
        needed: usize,
    },
    /// They are an error.
    Reject {
        /// The name of its code.
        code: String,
        /// How it is shown.
        error: String,
    },
}

/// The vectors of all files, in order.
///
/// # Panics
///
/// If a file cannot be read, or is not as the README says.
pub fn all() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Vector> {
    let file = path.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("\n\n").map(str::trim);
    blocks
        .filter(|block| !block.starts_with('#') && !block.is_empty())
        .map(|block| Lines(block.lines().peekable()).vector(file))
        .collect()
}

/// The lines of a block that are still to be read.
struct Lines<'a>(std::iter::Peekable<std::str::Lines<'a>>);

impl<'a> Lines<'a> {
    fn vector(mut self, file: &str) -> Vector {
        let name = self.required("name");
        let rule = self.required("rule");
        assert!(!self.required("about").is_empty(), "{name}");
        let limit = self
            .optional("limit")
            .map_or(16_384, |limit| limit.parse().unwrap());
        assert_eq!(self.required("hex"), "", "{name}");
        let vector = Vector {
            file: file.to_owned(),
            name: name.to_owned(),
            rule: rule.to_owned(),
            limit,
            bytes: self.hex(),
            verdict: self.verdict(name),
        };
        assert_eq!(self.0.next(), None, "{name}");
        vector
    }

    /// The value of the next line, if that has this key.
    fn optional(&mut self, key: &str) -> Option<&'a str> {
        let value = |line: &'a str| line.strip_prefix(key)?.strip_prefix(':');
        let value = value(self.0.peek()?)?.trim_start();
        self.0.next();
        Some(value)
    }

    #[track_caller]
    fn required(&mut self, key: &str) -> &'a str {
        let value = self.optional(key);
        value.unwrap_or_else(|| panic!("expected {key}, found {:?}", self.0.peek()))
    }

    fn hex(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(line) = self.0.next_if(|line| line.starts_with("  ")) {
            let digits = line.split('#').next().unwrap_or_default();
            for item in digits.split_whitespace() {
                let (byte, times) = item.split_once('*').unwrap_or((item, "1"));
                assert_eq!(byte.len(), 2, "{item}");
                let byte = u8::from_str_radix(byte, 16).unwrap();
                bytes.extend(std::iter::repeat_n(byte, times.parse().unwrap()));
            }
        }
        bytes
    }

    fn verdict(&mut self, name: &str) -> Verdict {
        if let Some(shows) = self.optional("accept") {
            return Verdict::Accept {
                shows: shows.to_owned(),
                unknown: self.optional("unknown").is_some_and(|value| value == "yes"),
            };
        }
        if let Some(needed) = self.optional("partial") {
            let needed = needed.parse().unwrap();
            return Verdict::Partial { needed };
        }
        let code = self.optional("reject");
        Verdict::Reject {
            code: code
                .unwrap_or_else(|| panic!("{name} has no verdict"))
                .to_owned(),
            error: self.required("error").to_owned(),
        }
    }
}
