//! Files that are sent in more than one attempt.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chaos::{chaos_before, cuts};
use crate::files::{dirs, receiver, send};
use crate::run::Korinet;
use crate::tunnel::noise;

/// More than a session has under way, so that its sender cannot have read all of it before the link halts.
const LEN: usize = 12_000_000;

/// Of that, so much is there for certain when a link halts that [`HALT`] says, and so much is not.
const THERE: u64 = 1_500_000;

/// A link on which nothing passes any more after so many bytes, and nobody is told.
const HALT: [&str; 4] = ["--cut-every", "2M", "--cut-by", "silence"];

const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until a link has halted, and as much of a file is there.
fn wait_for_halt(link: &Korinet, received: &str, name: &str) {
    link.err_line_with("cut by silence, ");
    let path = format!("{received}/{name}.korinet-part");
    let start = Instant::now();
    while fs::metadata(&path).map_or(0, |found| found.len()) < THERE {
        assert!(start.elapsed() < DEADLINE, "the file does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How many of the bytes were there already.
fn from(line: &str) -> u64 {
    let line: Value = serde_json::from_str(line).unwrap();
    assert!(
        line["event"] == "sent" || line["event"] == "received",
        "{line}"
    );
    line["from"].as_u64().unwrap()
}

fn expect_whole(received: &str, name: &str, bytes: &[u8]) {
    let found = fs::read(format!("{received}/{name}")).unwrap();
    assert!(found == bytes, "{} bytes", found.len());
    let part = format!("{received}/{name}.korinet-part");
    assert!(!Path::new(&part).exists());
}

#[test]
fn a_killed_sender_is_followed_by_another_that_goes_on() {
    let (dir, received) = dirs("a_killed_sender_is_followed_by_another_that_goes_on");
    let path = dir.path("a");
    fs::write(&path, noise(LEN)).unwrap();
    let (receiver, addr) = receiver(&received, &["--json"]);
    let (link, halting, _) = chaos_before(&addr, &HALT);
    let killed = Korinet::start(&["send-file", &halting, &path]);
    wait_for_halt(&link, &received, "a");
    killed.signal("KILL");
    drop(killed);
    // The receiver may not have noticed, and keeps the session in any case: the newest sender counts.
    let (code, out, err) = send(&addr, &["--json", &path]);
    assert_eq!(code, 0, "{err:?}");
    assert!(from(&out[0]) >= THERE, "{out:?}");
    expect_whole(&received, "a", &noise(LEN));
    let told: Value = serde_json::from_str(&receiver.out_line()).unwrap();
    assert_eq!(told["event"], "failed");
    assert_eq!(
        told["error"],
        "another sender offers a file of the same name"
    );
    assert!(from(&receiver.out_line()) >= THERE);
    assert_eq!(cuts(link), 1);
}

#[test]
fn a_killed_receiver_is_followed_by_another_that_goes_on() {
    let (dir, received) = dirs("a_killed_receiver_is_followed_by_another_that_goes_on");
    let bytes = noise(3_000_000);
    let path = dir.path("a");
    fs::write(&path, &bytes).unwrap();
    let (killed, addr) = receiver(&received, &[]);
    let (link, halting, _) = chaos_before(&addr, &HALT);
    let sender = Korinet::start(&["send-file", "--json", &halting, &path]);
    wait_for_halt(&link, &received, "a");
    killed.signal("KILL");
    drop(killed);
    sender.err_line_with("connection lost");
    // The same sender goes on by itself.
    let receiver = Korinet::start(&["receive-file", &addr, "--dir", &received]);
    sender.err_line_with("session is lost");
    let line = sender.out_line();
    assert!(from(&line) >= THERE, "{line}");
    assert_eq!(sender.end().0, 0);
    expect_whole(&received, "a", &bytes);
    drop(receiver);
    assert_eq!(cuts(link), 1);
}

#[test]
fn a_part_of_another_file_is_not_gone_on_with() {
    let (dir, received) = dirs("a_part_of_another_file_is_not_gone_on_with");
    let path = dir.path("a");
    let bytes = noise(200_000);
    fs::write(&path, &bytes).unwrap();
    let (_receiver, addr) = receiver(&received, &[]);
    let mut other = bytes[..100_000].to_vec();
    other[0] ^= 1;
    for part in [
        &other[..],
        &bytes[..100_000],
        &[&bytes[..], b"more"].concat(),
    ] {
        dir.write("received/a.korinet-part", "");
        fs::write(dir.path("received/a.korinet-part"), part).unwrap();
        let (code, out, err) = send(&addr, &["--json", &path]);
        assert_eq!(code, 0, "{err:?}");
        let expect = if *part == bytes[..100_000] {
            100_000
        } else {
            0
        };
        assert_eq!(from(&out[0]), expect);
        expect_whole(&received, "a", &bytes);
        fs::remove_file(dir.path("received/a")).unwrap();
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_noticed() {
    let (dir, received) = dirs("a_file_that_changes_while_it_is_sent_is_noticed");
    let path = dir.path("a");
    fs::write(&path, noise(LEN)).unwrap();
    let (receiver, addr) = receiver(&received, &[]);
    let (link, halting, _) = chaos_before(&addr, &HALT);
    let sender = Korinet::start(&["send-file", &halting, &path]);
    wait_for_halt(&link, &received, "a");
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    file.write_all(b"x").unwrap();
    assert_eq!(cuts(link), 1);
    sender.err_line_with("connection lost");
    let sound = Korinet::start(&["chaos", &halting, &addr]);
    let (code, out, err) = sender.end();
    assert_eq!((code, out), (1, vec![]));
    let expect = format!("{path}: a was changed while it was sent");
    assert!(err.contains(&expect), "{err:?}");
    receiver.err_line_with("a not received: a was changed while it was sent");
    assert!(!Path::new(&dir.path("received/a")).exists());
    drop(sound);
    // As it is now it arrives, and what is there of it is not sent again.
    let (code, out, err) = send(&addr, &["--json", &path]);
    assert_eq!(code, 0, "{err:?}");
    assert!(from(&out[0]) >= THERE);
    expect_whole(&received, "a", &[&noise(LEN)[..], b"x"].concat());
}

/// The system allows files of no more than so many blocks, which is what a full disk is to a program.
#[test]
fn a_disk_that_is_full_is_told_at_both_ends_and_what_is_there_is_kept() {
    let test = "a_disk_that_is_full_is_told_at_both_ends_and_what_is_there_is_kept";
    let (dir, received) = dirs(test);
    let path = dir.path("a");
    fs::write(&path, noise(LEN)).unwrap();
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 4000; exec \"$0\" receive-file 127.0.0.1:0 --dir \"$1\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_korinet"), &received]);
    command.stdout(Stdio::piped());
    let full = Korinet::start_command(command);
    let addr = full.listening_on();
    for _ in 0..2 {
        let (code, out, err) = send(&addr, &[&path]);
        assert_eq!((code, out), (1, vec![]));
        let expect = format!("{path}: receiver: cannot write a: File too large");
        assert!(err[0].starts_with(&expect), "{err:?}");
        let line = full.err_line_with("not received");
        assert!(
            line.contains("a not received: cannot write a: File too large"),
            "{line}"
        );
    }
    // It goes on for what fits.
    assert_eq!(send(&addr, &[&dir.write("b", "x")]).0, 0);
    drop(full);
    let (_receiver, addr) = receiver(&received, &[]);
    let (code, out, err) = send(&addr, &["--json", &path]);
    assert_eq!(code, 0, "{err:?}");
    assert!(from(&out[0]) >= THERE, "{out:?}");
    expect_whole(&received, "a", &noise(LEN));
}

#[test]
fn two_receivers_do_not_write_the_same_part() {
    let (dir, received) = dirs("two_receivers_do_not_write_the_same_part");
    let path = dir.path("a");
    fs::write(&path, noise(LEN)).unwrap();
    let (_first, addr) = receiver(&received, &[]);
    let (link, halting, _) = chaos_before(&addr, &HALT);
    let halted = Korinet::start(&["send-file", &halting, &path]);
    wait_for_halt(&link, &received, "a");
    let (_second, addr) = receiver(&received, &[]);
    let (code, _, err) = send(&addr, &[&path]);
    assert_eq!(code, 1);
    let expect =
        format!("{path}: receiver: cannot write the part of a: another program is receiving it");
    assert_eq!(err[0], expect);
    drop(halted);
    assert_eq!(cuts(link), 1);
}
