//! `korinet inspect`: what bytes say, frame by frame.

mod capture;
mod connections;
mod decoder;
mod diagnostic;
mod fields;
mod flight;
mod hex;
mod lines;
mod packet;
mod reassembly;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Chain, Cursor, Read};
use std::path::Path;

use crate::args::{Input, Inspect};
use crate::failure::Failure;
use crate::signal;
use decoder::{Decoder, Trust};
use lines::{Place, Printer};

/// How much is read at a time, and looked at to find out what it is.
const CHUNK: usize = 64 * 1024;

/// What is to be read, its beginning included.
type Source = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

pub(crate) async fn run(args: Inspect) -> Result<(), Failure> {
    // It reads and writes as any filter does, which Ctrl-C has to end all the same.
    let reading = tokio::task::spawn_blocking(move || inspect(&args));
    tokio::select! {
        ended = reading => ended.unwrap_or_else(|error| Err(Failure::from_error(&error))),
        failure = signal::ended() => Err(failure),
    }
}

fn inspect(args: &Inspect) -> Result<(), Failure> {
    let (input, source) = open(args)?;
    let mut printer = Printer::new(args);
    match input {
        Input::Hex => hex::read(source, args, &mut printer)?,
        Input::Capture => capture::read(source, args, &mut printer)?,
        Input::Flight => flight::read(source, args, &mut printer)?,
        Input::Raw | Input::Auto => read_raw(source, args, &mut printer)?,
    }
    let malformed = printer
        .end()
        .map_err(|error| Failure::from_stdout(&error))?;
    match malformed {
        0 => Ok(()),
        1 => Err(Failure::Told("1 frame is malformed".to_owned())),
        count => Err(Failure::Told(format!("{count} frames are malformed"))),
    }
}

/// Opens the file, and finds out what it holds.
fn open(args: &Inspect) -> Result<(Input, Source), Failure> {
    let failed = |error: &io::Error| unreadable(&args.file, error);
    let mut input: Box<dyn Read + Send> = if args.file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&args.file).map_err(|error| failed(&error))?)
    };
    let mut start = vec![0; CHUNK];
    let len = read_some(&mut input, &mut start).map_err(|error| failed(&error))?;
    start.truncate(len);
    let what = match args.input {
        Input::Auto => guess(&start),
        given @ (Input::Hex | Input::Raw | Input::Capture | Input::Flight) => given,
    };
    Ok((what, Cursor::new(start).chain(input)))
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::Told(format!("cannot read {}: {error}", name(file)))
}

fn name(file: &Path) -> Cow<'_, str> {
    if file == Path::new("-") {
        return "standard input".into();
    }
    file.to_string_lossy()
}

/// Fills the buffer as far as there is enough to tell what it is.
fn read_some(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    /// What no file format needs more of.
    const ENOUGH: usize = 4;
    let mut len = 0;
    while len < ENOUGH {
        match input.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// What a file that begins so holds. No frame begins with a character: the first byte of v2 is zero, that of a preface
/// is none of ASCII.
fn guess(start: &[u8]) -> Input {
    if capture::is_one(start) {
        Input::Capture
    } else if flight::is_one(start) {
        Input::Flight
    } else if start
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        Input::Hex
    } else {
        Input::Raw
    }
}

fn read_raw(mut source: Source, args: &Inspect, printer: &mut Printer) -> Result<(), Failure> {
    let mut decoder = Decoder::new(args, Trust::Given);
    let mut buffer = vec![0; CHUNK];
    loop {
        printer
            .flush()
            .map_err(|error| Failure::from_stdout(&error))?;
        let len = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(&args.file, &error)),
        };
        let mut print = |found: decoder::Found<'_>| printer.print(&Place::default(), &found);
        decoder
            .feed(&buffer[..len], &mut print)
            .map_err(|error| Failure::from_stdout(&error))?;
    }
    decoder
        .finish(&mut |found| printer.print(&Place::default(), &found))
        .map_err(|error| Failure::from_stdout(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_first_bytes() {
        for (start, expect) in [
            (&b"\xcbKNT\x03\0\0\0"[..], Input::Raw),
            (b"\0\0\0\x36\xa2", Input::Raw),
            (b"00 00 00 36 a2", Input::Hex),
            (b"name: length-none\n", Input::Hex),
            (b"", Input::Hex),
            (b"\xd4\xc3\xb2\xa1\x02\0", Input::Capture),
            (b"\x0a\x0d\x0d\x0a", Input::Capture),
            (b"korinet flight record 1: ", Input::Flight),
            (b"kori", Input::Flight),
            (b"korinet vectors\n00", Input::Hex),
        ] {
            assert_eq!(guess(start), expect, "{start:02x?}");
        }
    }
}
