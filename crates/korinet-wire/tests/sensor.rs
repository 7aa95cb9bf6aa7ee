//! The example, run as a process; `cargo xtask test` and a plain `cargo test` of this package build it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use korinet_wire::v2::{self, ACKNOWLEDGEMENT, Decoded, Frame, Id, Limits};

/// The data of the next frame.
fn next(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.extend(byte);
        if let Decoded::Complete { frame, .. } = v2::decode(&read, &Limits::default()).unwrap() {
            return frame.data.to_vec();
        }
    }
}

fn write(stream: &mut TcpStream, data: &[u8]) {
    let frame = Frame {
        id: Id::Text("7"),
        data,
    };
    let mut bytes = vec![0; frame.encoded_len()];
    frame.encode(&Limits::default(), &mut bytes[..]).unwrap();
    stream.write_all(&bytes).unwrap();
}

#[test]
fn a_sensor_reports_and_waits_for_each_acknowledgement() {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let name = format!("sensor{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "there is no {}: build it by `cargo build --workspace --examples`",
        path.display()
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut readings = Vec::new();
        for _ in 0..3 {
            readings.push(next(&mut stream));
            // A message of the server's own is passed over.
            write(&mut stream, b"\xa0");
            write(&mut stream, ACKNOWLEDGEMENT);
        }
        readings
    });
    let output = Command::new(path).arg(addr).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(printed.lines().count(), 3, "{printed}");
    let readings = server.join().unwrap();
    let first = b"\xa2\x66sensor\x64roof\x67celsius\xfa\x41\xac\x00\x00";
    assert_eq!(readings[0], first);
    assert_eq!(readings.len(), 3);
}
