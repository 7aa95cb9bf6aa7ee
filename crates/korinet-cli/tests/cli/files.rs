//! Files sent by `korinet send-file`, and received by `korinet receive-file`.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::chaos::{chaos_before, cuts};
use crate::dir::Dir;
use crate::run::Korinet;
use crate::tunnel::noise;

/// Faults that let most messages through, and cut often.
const CUTS: [&str; 6] = ["--cut-random", "400k", "--cut-by", "rst", "--seed", "9"];

/// A receiver that puts files into this folder; and its address.
pub(crate) fn receiver(dir: &str, args: &[&str]) -> (Korinet, String) {
    let receiver = Korinet::start(&[&["receive-file", "127.0.0.1:0", "--dir", dir], args].concat());
    let addr = receiver.listening_on();
    (receiver, addr)
}

/// Sends files, to the end of the command.
pub(crate) fn send(addr: &str, args: &[&str]) -> (i32, Vec<String>, Vec<String>) {
    Korinet::start(&[&["send-file", addr], args].concat()).end()
}

/// A folder for what is received in a folder for what is sent.
pub(crate) fn dirs(test: &str) -> (Dir, String) {
    let dir = Dir::new(test);
    let received = dir.path("received");
    fs::create_dir(&received).unwrap();
    (dir, received)
}

#[test]
fn files_of_all_sizes_arrive_through_cuts() {
    let (dir, received) = dirs("files_of_all_sizes_arrive_through_cuts");
    let (receiver, target) = receiver(&received, &["--json"]);
    let (link, addr, _) = chaos_before(&target, &CUTS);
    let sizes = [0, 1, 65_535, 65_536, 65_537, 12_000_000];
    let paths: Vec<String> = sizes
        .iter()
        .map(|size| {
            let path = dir.path(&format!("file {size}"));
            fs::write(&path, noise(*size)).unwrap();
            path
        })
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (code, out, err) = send(&addr, &[&["--json"], &paths[..]].concat());
    assert_eq!(code, 0, "{err:?}");
    let lines: Vec<Value> = out
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), sizes.len());
    for (line, size) in lines.iter().zip(sizes) {
        let told: Value = serde_json::from_str(&receiver.out_line()).unwrap();
        assert_eq!(
            (&line["event"], &told["event"]),
            (&json!("sent"), &json!("received"))
        );
        assert_eq!((&line["bytes"], &line["from"]), (&json!(size), &json!(0)));
        assert_eq!(told["sha256"], line["sha256"]);
        let found = fs::read(format!("{received}/file {size}")).unwrap();
        assert!(found == noise(size), "{} of {size} bytes", found.len());
    }
    // printf '' | sha256sum
    let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(lines[0]["sha256"], of_nothing);
    assert_eq!(fs::read_dir(&received).unwrap().count(), sizes.len());
    let cuts = cuts(link);
    assert!(cuts >= 10, "{cuts}");
}

#[test]
fn what_is_there_stays_unless_it_is_to_be_replaced() {
    let (dir, received) = dirs("what_is_there_stays_unless_it_is_to_be_replaced");
    let path = dir.write("a", "new");
    let there = dir.write("received/a", "old");
    let (careful, addr) = receiver(&received, &[]);
    for text in ["old", "older"] {
        fs::write(&there, text).unwrap();
        let (code, out, err) = send(&addr, &[&path]);
        assert_eq!((code, out), (1, vec![]));
        let expect = format!(
            "{path}: receiver: a is there already, which only --force of the receiver replaces"
        );
        assert_eq!(
            err,
            [expect.as_str(), "korinet: 1 of 1 files were not sent"]
        );
        assert_eq!(dir.read("received/a"), text);
        let line = careful.err_line_with("not received");
        assert!(
            line.contains("a not received: a is there already"),
            "{line}"
        );
    }
    // The very same file need not be sent: its sender may not have heard that it got there.
    fs::write(&there, "new").unwrap();
    let (code, out, err) = send(&addr, &[&path]);
    assert_eq!(code, 0, "{err:?}");
    assert!(
        out[0].contains(": 3 bytes, 3 of them were there, SHA-256 "),
        "{out:?}"
    );

    fs::write(&there, "old").unwrap();
    let (_forced, addr) = receiver(&received, &["--force"]);
    assert_eq!(send(&addr, &[&path]).0, 0);
    assert_eq!(dir.read("received/a"), "new");
    fs::remove_file(&there).unwrap();
    fs::create_dir(&there).unwrap();
    let (code, _, err) = send(&addr, &[&path]);
    assert_eq!(
        (code, err[0].as_str()),
        (1, format!("{path}: receiver: a is a folder here").as_str())
    );
}

#[test]
fn names_choose_no_place_and_what_cannot_be_read_is_told() {
    let (dir, received) = dirs("names_choose_no_place_and_what_cannot_be_read_is_told");
    let (_receiver, addr) = receiver(&received, &[]);
    let (hidden, part) = (dir.write(".profile", ""), dir.write("a.korinet-part", ""));
    let (folder, missing, good) = (
        dir.path("received"),
        dir.path("missing"),
        dir.write("good", "x"),
    );
    let (code, out, err) = send(&addr, &[&hidden, &part, &folder, &missing, &good]);
    assert_eq!(code, 1);
    // Those that can be sent are.
    assert!(
        out[0].starts_with(&format!("sent {good}: 1 bytes, SHA-256 ")),
        "{out:?}"
    );
    for (line, expect) in err.iter().zip([
        format!("{hidden}: receiver: name \".profile\" is refused: it begins with a dot"),
        format!("{part}: receiver: name \"a.korinet-part\" is refused: it ends in .korinet-part"),
        format!("{folder}: {folder} is no file"),
        format!("{missing}: cannot read {missing}: No such file"),
        "korinet: 4 of 5 files were not sent".to_owned(),
    ]) {
        assert!(line.starts_with(&expect), "{line}");
    }
    assert_eq!(fs::read_dir(&received).unwrap().count(), 1);
}

#[test]
fn one_file_goes_where_the_receiver_says() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, received) = dirs("one_file_goes_where_the_receiver_says");
    let path = dir.write(".profile", "#!/bin/sh\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    let output = format!("{received}/program");
    let receiver = Korinet::start(&["receive-file", "127.0.0.1:0", "--output", &output]);
    let addr = receiver.listening_on();
    assert_eq!(send(&addr, &[&path]).0, 0);
    let (code, out, _) = receiver.end();
    assert_eq!(code, 0);
    assert!(
        out[0].starts_with(&format!("received {output}: 10 bytes, SHA-256 ")),
        "{out:?}"
    );
    let found = fs::metadata(&output).unwrap();
    assert_eq!(found.modified().unwrap(), time);
    let mode = found.permissions().mode();
    assert_eq!((mode & 0o100, mode & 0o7000), (0o100, 0), "{mode:o}");
}

#[test]
fn a_receiver_ends_after_as_many_files_as_are_wanted() {
    let (dir, received) = dirs("a_receiver_ends_after_as_many_files_as_are_wanted");
    let (receiver, addr) = receiver(&received, &["--count", "2"]);
    let (a, b) = (dir.write("a", "1"), dir.write("b", "2"));
    // What is refused does not count.
    assert_eq!(send(&addr, &[&dir.write(".c", "")]).0, 1);
    assert_eq!(send(&addr, &[&a, &b]).0, 0);
    assert_eq!(receiver.end().0, 0);
}

#[test]
fn wrong_arguments_are_told_with_what_is_allowed() {
    for (args, code, expect) in [
        (&["send-file", "127.0.0.1:1"][..], 2, "<FILE>..."),
        (&["send-file"], 2, "<ADDR>"),
        (
            &["receive-file", "127.0.0.1:0", "--dir", "a", "--output", "b"],
            2,
            "cannot be used with",
        ),
        (
            &["receive-file", "127.0.0.1:0", "--count", "0"],
            2,
            "0 is not in 1..",
        ),
        (
            &["receive-file", "127.0.0.1:0", "--dir", "/dev/null"],
            1,
            "/dev/null is no folder that is there",
        ),
        (&["tunnel"], 2, "Usage: korinet tunnel <COMMAND>"),
        (&["tunnel", "listen", "127.0.0.1:0"], 2, "--to <TARGET>"),
        (&["tunnel", "connect", "127.0.0.1:1"], 2, "--listen <LOCAL>"),
        (
            &["tunnel", "listen", "127.0.0.1:0", "--to", "x"],
            2,
            "expected HOST:PORT, the port is missing",
        ),
    ] {
        let (found, out, err) = Korinet::start(args).end();
        assert_eq!((found, out), (code, vec![]), "{args:?}");
        let err = err.join("\n");
        assert!(err.contains(expect), "{err}");
    }
    let args = ["send-file", "127.0.0.1:1", "--timeout", "0s", "/dev/null"];
    let (code, _, err) = Korinet::start(&args).end();
    assert_eq!(code, 1);
    assert!(
        err.iter().any(|line| line.contains("127.0.0.1:1")),
        "{err:?}"
    );
}
