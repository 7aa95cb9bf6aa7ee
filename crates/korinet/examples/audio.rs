//! Live audio: a WAV file is sent in real time, by volatile messages, and written on the other side.
//!
//! ```console
//! $ audio listen 127.0.0.1:1235 out.wav
//! $ audio send 127.0.0.1:1235 in.wav
//! ```
//!
//! Without a file, two seconds of a tone are sent. What is lost with a connection is not sent again, which would be too
//! late; it is counted, and silence is written in its place. The format and the end go by ordinary messages, of which
//! none is lost.

#![allow(clippy::print_stderr, reason = "for a terminal")]

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use korinet::minicbor::{self, Decode, Encode};
use korinet::{Client, Message, Server};
use tokio::time::interval;

/// How much audio a packet has.
const PACKET: Duration = Duration::from_millis(20);

/// Channels, samples per second of each, and samples of all of them together.
#[derive(Debug, Clone, Copy, Encode, Decode)]
struct Format(#[n(0)] u16, #[n(1)] u32, #[n(2)] u32);

fn samples_per_packet(format: Format) -> usize {
    let frames = u128::from(format.1) * PACKET.as_millis() / 1000;
    usize::from(format.0) * usize::try_from(frames).unwrap_or(usize::MAX).max(1)
}

fn read(file: &str) -> Result<(Format, Vec<i16>), Box<dyn Error>> {
    let mut reader = WavReader::open(file)?;
    let spec = reader.spec();
    if (spec.bits_per_sample, spec.sample_format) != (16, SampleFormat::Int) {
        return Err(format!("{spec:?}, expected integers of 16 bits").into());
    }
    let samples = reader.samples().collect::<Result<Vec<i16>, _>>()?;
    let format = Format(spec.channels, spec.sample_rate, samples.len().try_into()?);
    Ok((format, samples))
}

fn tone() -> (Format, Vec<i16>) {
    let step = 440.0 * std::f64::consts::TAU / 8000.0;
    let at = |index| (f64::from(index) * step).sin() * 10_000.0;
    let samples = (0..16_000).map(|index| at(index) as i16).collect();
    (Format(1, 8000, 16_000), samples)
}

async fn send(addr: &str, file: Option<&str>) -> Result<(), Box<dyn Error>> {
    let (format, samples) = file.map_or_else(|| Ok(tone()), read)?;
    let session = Client::connect(addr).await?;
    session.send(&format).await?;
    let mut clock = interval(PACKET);
    for (number, packet) in (0_u32..).zip(samples.chunks(samples_per_packet(format))) {
        clock.tick().await;
        let samples = packet.iter().flat_map(|sample| sample.to_le_bytes());
        let bytes: Vec<u8> = number.to_le_bytes().into_iter().chain(samples).collect();
        // Without a connection it is gone, as it would be on the way.
        session.sender().send_volatile_raw(&bytes)?;
    }
    clock.tick().await; // the last one lasts, too
    session.send("end").await?;
    Ok(session.close().await?)
}

/// Puts a packet in its place, if it is one.
fn place(packet: &Message, format: Format, samples: &mut [i16]) -> Option<()> {
    let (number, bytes) = packet.data().split_first_chunk()?;
    let number = usize::try_from(u32::from_le_bytes(*number)).ok()?;
    let place = samples.chunks_mut(samples_per_packet(format)).nth(number)?;
    let samples = (place.len() * 2 == bytes.len()).then(|| bytes.chunks_exact(2))?;
    for (sample, bytes) in place.iter_mut().zip(samples) {
        *sample = i16::from_le_bytes([bytes[0], bytes[1]]);
    }
    Some(())
}

async fn listen(addr: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(addr).await?;
    writeln!(stdout(), "listening on {}", server.local_addr()?)?;
    let mut session = server.accept().await.ok_or("nobody came")?;
    let mut packets = session.volatile();
    let first = session.recv().await?.ok_or("no format came")?;
    let format: Format = first.decode()?;
    if format.0 == 0 || format.2 > 100_000_000 {
        return Err(format!("{format:?}, expected a channel and up to 100,000,000 samples").into());
    }
    // What does not come stays silent.
    let mut samples = vec![0; usize::try_from(format.2)?];
    let mut came = 0;
    loop {
        // First what is there of the audio: it was sent before the end.
        tokio::select! {
            biased;
            Some(packet) = packets.recv() => {
                came += place(&packet, format, &mut samples).map_or(0, |()| 1);
            }
            end = session.recv() => break drop(end?),
        }
    }
    let spec = WavSpec {
        channels: format.0,
        sample_rate: format.1,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(file, spec)?;
    for sample in &samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()?;
    let all = samples.len().div_ceil(samples_per_packet(format));
    writeln!(
        stdout(),
        "{} of {all} packets lost",
        all.saturating_sub(came)
    )?;
    while session.recv().await?.is_some() {}
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments.as_slice() {
        ["listen", addr, file] => listen(addr, file).await,
        ["send", addr] => send(addr, None).await,
        ["send", addr, file] => send(addr, Some(file)).await,
        _ => Err("usage: audio listen HOST:PORT FILE | audio send HOST:PORT [FILE]".into()),
    };
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    let mut cause: Option<&dyn Error> = Some(&*error);
    while let Some(error) = cause {
        eprintln!("{error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
