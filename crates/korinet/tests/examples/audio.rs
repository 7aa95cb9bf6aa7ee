use std::path::PathBuf;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};

use super::Process;

/// 20 ms at 8 kHz.
const PACKET: usize = 160;
const PACKETS: usize = 60;

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("korinet-audio-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes a file in which no sample is zero, the last packet being a short one.
fn write(path: &str) -> Vec<i16> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(path, spec).unwrap();
    let samples: Vec<i16> = (1..).take(PACKETS * PACKET - 7).collect();
    for sample in &samples {
        writer.write_sample(*sample).unwrap();
    }
    writer.finalize().unwrap();
    samples
}

fn read(path: &str) -> Vec<i16> {
    let mut reader = WavReader::open(path).unwrap();
    assert_eq!(reader.spec().sample_rate, 8000);
    reader.samples().map(Result::unwrap).collect()
}

/// How many packets are silent; all others are what was sent.
fn check(sent: &[i16], came: &[i16]) -> usize {
    assert_eq!(came.len(), sent.len());
    let pairs = sent.chunks(PACKET).zip(came.chunks(PACKET));
    let mut silent = 0;
    for (sent, came) in pairs {
        if came.iter().all(|sample| *sample == 0) {
            silent += 1;
        } else {
            assert_eq!(came, sent);
        }
    }
    silent
}

fn lost(receiver: Process) -> usize {
    let lines = receiver.succeeds();
    let lost = lines[0].strip_suffix(&format!(" of {PACKETS} packets lost"));
    lost.unwrap_or_else(|| panic!("{lines:?}")).parse().unwrap()
}

#[test]
fn audio_comes_whole_over_a_connection_that_holds() {
    let folder = Folder::new("whole");
    let (input, output) = (folder.path("in.wav"), folder.path("out.wav"));
    let sent = write(&input);
    let (receiver, addr) = Process::listening("audio", &["listen", "127.0.0.1:0", &output]);
    Process::start("audio", &["send", &addr, &input]).succeeds();
    assert_eq!(lost(receiver), 0);
    assert_eq!(check(&sent, &read(&output)), 0);
}

#[test]
fn audio_that_is_lost_with_a_connection_is_counted_and_silent() {
    let folder = Folder::new("cut");
    let (input, output) = (folder.path("in.wav"), folder.path("out.wav"));
    let sent = write(&input);
    let (receiver, addr) = Process::listening("audio", &["listen", "127.0.0.1:0", &output]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let proxy = runtime.block_on(Proxy::start(addr)).unwrap();
    // Within one of the packets, of some 330 bytes each.
    let place = Place::Byte(20 * 330);
    proxy.plan([Plan::cut(Direction::ToServer, place, Cut::Reset)]);
    Process::start("audio", &["send", &proxy.addr().to_string(), &input]).succeeds();
    assert_eq!(proxy.counts().reset, 1, "no connection was cut");
    let lost = lost(receiver);
    assert!(lost > 0, "nothing was lost");
    assert_eq!(check(&sent, &read(&output)), lost);
}

#[test]
fn a_tone_is_sent_without_a_file() {
    let folder = Folder::new("tone");
    let output = folder.path("out.wav");
    let (receiver, addr) = Process::listening("audio", &["listen", "127.0.0.1:0", &output]);
    Process::start("audio", &["send", &addr]).succeeds();
    assert_eq!(receiver.succeeds(), ["0 of 100 packets lost"]);
    assert_eq!(read(&output).len(), 16_000);
}

#[test]
fn what_is_no_audio_is_told() {
    let folder = Folder::new("none");
    let none = folder.path("none.wav");
    let why = Process::start("audio", &["send", "127.0.0.1:1", &none]).fails();
    assert!(why.contains("No such file"), "{why}");
    std::fs::write(&none, "no audio").unwrap();
    let why = Process::start("audio", &["send", "127.0.0.1:1", &none]).fails();
    assert!(why.contains("RIFF"), "{why}");
}
