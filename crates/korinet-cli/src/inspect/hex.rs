//! Bytes as people write them: `00 00 00 03`, `0x82,0x05`, `8205 08`, with remarks in between.

use std::io::{BufRead, BufReader, Read};

use super::decoder::{Decoder, Trust};
use super::lines::{Place, Printer};
use super::{name, unreadable};
use crate::args::Inspect;
use crate::failure::Failure;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// The most bytes that `00*24` stands for.
const MAX_TIMES: usize = 1024 * 1024;

/// What a line holds.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Bytes(Vec<u8>),
    /// Words: what follows them is another stream.
    Remark,
}

/// Reads text: each run of lines with digits is what one end of a connection sent.
pub(super) fn read(input: impl Read, args: &Inspect, printer: &mut Printer) -> Result<(), Failure> {
    let mut input = BufReader::new(input);
    let mut decoder = Decoder::new(args, Trust::Given);
    let mut place = Place::default();
    let mut is_empty = true;
    let mut has_digits = false;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if input.buffer().is_empty() {
            // Reading may take a while, and there may be nothing to read any more.
            printer
                .flush()
                .map_err(|error| Failure::from_stdout(&error))?;
        }
        let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let len = read.map_err(|error| unreadable(&args.file, &error))?;
        if len == 0 {
            break;
        }
        if u64::try_from(len) == Ok(MAX_LINE) {
            return Err(Failure::Told(format!(
                "line {number} is longer than {MAX_LINE} bytes, the most that is taken"
            )));
        }
        let line = String::from_utf8_lossy(&line);
        let parsed = parse(&line).map_err(|why| Failure::Told(format!("line {number}: {why}")))?;
        let written = match parsed {
            Line::Bytes(bytes) => {
                is_empty &= bytes.is_empty();
                has_digits |= !bytes.is_empty();
                decoder.feed(&bytes, &mut |found| printer.print(&place, &found))
            }
            Line::Remark if is_empty => {
                place.remark = Some(line.trim().to_owned());
                Ok(())
            }
            Line::Remark => {
                let ended = decoder.finish(&mut |found| printer.print(&place, &found));
                decoder = Decoder::new(args, Trust::Given);
                place.remark = Some(line.trim().to_owned());
                place.stream += 1;
                is_empty = true;
                ended
            }
        };
        written.map_err(|error| Failure::from_stdout(&error))?;
    }
    if !has_digits {
        return Err(Failure::Told(format!(
            "{} has no hex digits; --input raw takes it for bytes",
            name(&args.file)
        )));
    }
    decoder
        .finish(&mut |found| printer.print(&place, &found))
        .map_err(|error| Failure::from_stdout(&error))
}

fn parse(line: &str) -> Result<Line, String> {
    // A comment, as in test vectors.
    let text = line.split('#').next().unwrap_or_default();
    let is_separator =
        |character: char| character.is_whitespace() || ",;[]{}()&".contains(character);
    let mut words = text
        .split(is_separator)
        .filter(|word| !word.is_empty())
        .peekable();
    match words.peek() {
        Some(word) if parse_word(word).is_err() && !begins_with_digits(word) => {
            return Ok(Line::Remark);
        }
        _ => {}
    }
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend(parse_word(word)?);
    }
    Ok(Line::Bytes(bytes))
}

/// Whether a word is meant to be digits: two of them, before whatever is wrong.
fn begins_with_digits(word: &str) -> bool {
    let word = word.strip_prefix("0x").unwrap_or(word);
    let digits = word.bytes().take_while(u8::is_ascii_hexdigit).count();
    digits >= 2
        && !word.contains(':')
        && word
            .bytes()
            .skip(digits)
            .all(|byte| !byte.is_ascii_alphabetic())
}

/// Pairs of digits, or one pair and how many times it comes.
fn parse_word(word: &str) -> Result<Vec<u8>, String> {
    let wrong = || {
        format!(
            "found \"{}\", expected pairs of hex digits",
            word.escape_debug()
        )
    };
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let digits = digits.unwrap_or(word);
    if let Some((byte, times)) = digits.split_once('*') {
        let times: usize = times.parse().map_err(|_| wrong())?;
        let [byte] = pairs(byte).ok_or_else(wrong)?[..] else {
            return Err(wrong());
        };
        if times > MAX_TIMES {
            return Err(format!("found {word}, expected at most {MAX_TIMES} times"));
        }
        return Ok(vec![byte; times]);
    }
    pairs(digits).ok_or_else(wrong)
}

fn pairs(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() {
        return None;
    }
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(digits.as_bytes())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_taken_as_people_write_them() {
        for (line, expect) in [
            ("00 0a FF", &b"\0\x0a\xff"[..]),
            ("  000aff  # length\n", b"\0\x0a\xff"),
            ("0x00, 0x0A, 0xff,", b"\0\x0a\xff"),
            ("[0x00,0x0a]", b"\0\x0a"),
            ("0x000aff", b"\0\x0a\xff"),
            ("01 00*3 02", b"\x01\0\0\0\x02"),
            ("", b""),
            ("# nothing", b""),
        ] {
            assert_eq!(parse(line), Ok(Line::Bytes(expect.to_vec())), "{line}");
        }
    }

    #[test]
    fn words_are_remarks() {
        for line in [
            "name: data-raw",
            "hex:",
            "accept: ACK next=8",
            "client   preface",
            "server   ACK next=3",
            "error: next is missing",
        ] {
            assert_eq!(parse(line), Ok(Line::Remark), "{line}");
        }
    }

    #[test]
    fn what_is_no_pair_of_digits_is_told() {
        for (line, expect) in [
            ("00 1", "found \"1\", expected pairs of hex digits"),
            ("00 0g", "found \"0g\", expected pairs of hex digits"),
            ("000", "found \"000\", expected pairs of hex digits"),
            ("00 0x", "found \"0x\", expected pairs of hex digits"),
            (
                "00*9999999",
                "found 00*9999999, expected at most 1048576 times",
            ),
            (
                "00 \u{1b}[1m",
                "found \"\\u{1b}\", expected pairs of hex digits",
            ),
        ] {
            assert_eq!(parse(line), Err(expect.to_owned()), "{line}");
        }
    }
}
