//! The examples, run as processes; `cargo xtask test` and a plain `cargo test` of this package build them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod agent;
mod api;
mod audio;
mod chat;
mod ping;
mod process;

use process::{LONG, Process, path};

#[test]
fn codec_shows_the_frames_of_both_sides() {
    let mut codec = Process::start("codec", &[]);
    assert_eq!(codec.line(), r#"Map([(Text("statusP"), Bool(true))])"#);
    assert_eq!(codec.line(), r#"Map([(Text("type"), Text("ping"))])"#);
    codec.succeeds();
}

#[test]
fn codec_talks_to_a_server_of_the_facade() {
    let (mut server, addr) = Process::listening("ping", &["serve", "127.0.0.1:0"]);
    let mut codec = Process::start("codec", &[&addr]);
    assert_eq!(codec.line(), r#"Map([(Text("statusP"), Bool(true))])"#);
    assert_eq!(codec.line(), r#"Map([(Text("status"), Bool(true))])"#);
    codec.succeeds();
    server.kill();
}

#[test]
fn without_arguments_that_make_sense_they_say_what_they_want() {
    for name in ["agent", "api", "audio", "chat", "ping"] {
        let usage = Process::start(name, &["a", "b", "c", "d"]).fails();
        assert!(usage.starts_with("usage: "), "{usage}");
    }
    for arguments in [
        ["chat", "127.0.0.1:1", "me"],
        ["audio", "send", "127.0.0.1:1"],
        ["ping", "127.0.0.1:1", "v2"],
        ["api", "list", "127.0.0.1:1"],
    ] {
        let why = Process::start(arguments[0], &arguments[1..]).fails();
        assert!(why.starts_with("cannot connect to 127.0.0.1:1\n"), "{why}");
    }
    let why = Process::start("ping", &["127.0.0.1:1", "v1"]).fails();
    assert!(why.contains("v1"), "{why}");
}
