use std::io::{Read, Write};
use std::net::TcpListener;

use crate::run::{Korinet, accept, connect, frame};

#[test]
fn what_cannot_be_sent_is_told_with_its_line() {
    let (listener, addr) = Korinet::listen(&[]);
    let (code, out, err) = connect(&addr, &[], "{\"n\":1}\n\n{\"n\":\n{\"n\":3}\n");
    assert_eq!((code, out), (1, vec![]));
    assert_eq!(
        err,
        ["korinet: line 3: EOF while parsing a value at column 5"]
    );
    let (code, _, err) = connect(&addr, &["--protocol", "v2"], "{\"n\":2}\n[1]\n");
    assert_eq!(code, 1);
    assert_eq!(
        err,
        ["korinet: line 2: message is an array, protocol v2 carries only maps"]
    );
    // Protocol v3 carries any value.
    assert_eq!(connect(&addr, &[], "[1]\n").0, 0);
    // What came before was sent.
    for message in ["{\"n\":1}", "{\"n\":2}", "[1]"] {
        let line = listener.out_line();
        assert!(line.ends_with(&format!("\"data\":{message}}}")), "{line}");
    }
}

#[test]
fn nobody_there_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (code, _, err) = connect(&addr, &[], "");
    assert_eq!(code, 1);
    assert_eq!(
        err,
        [format!(
            "korinet: cannot connect to {addr}: connection refused"
        )]
    );
}

#[test]
fn giving_up_is_told_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let args = ["connect", &addr, "--timeout", "50ms", "--protocol", "v2"];
    let mut command = Korinet::start(&args);
    command.write("{}\n");
    let mut stream = accept(&listener);
    stream.read_exact(&mut [0; 4]).unwrap();
    drop((stream, listener));
    let (code, _, err) = command.end();
    assert_eq!(code, 1);
    assert!(err[0].starts_with("connection lost: "), "{err:?}");
    let last = err.last().unwrap();
    assert!(
        last.contains("gave up") && last.ends_with("connection refused"),
        "{last}"
    );
}

#[test]
fn a_message_goes_on_over_the_next_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut command = Korinet::start(&["connect", &addr, "--protocol", "v2"]);
    command.write("{\"n\":1}\n");
    let mut sent = Vec::new();
    for is_last in [false, true] {
        let mut stream = accept(&listener);
        let mut bytes = [0; 51];
        stream.read_exact(&mut bytes).unwrap();
        sent.push(bytes);
        if is_last {
            stream.write_all(&frame(b"\xa1\x67statusP\xf5")).unwrap();
            command.close_stdin();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            assert!(rest.is_empty());
        }
    }
    assert_eq!(sent[0], sent[1], "the same bytes, so the same id");
    let (code, _, err) = command.end();
    assert_eq!(code, 0);
    assert_eq!(err.len(), 2, "{err:?}");
    assert!(
        err[0].starts_with("connection lost: ") && err[0].ends_with("; reconnecting"),
        "{err:?}"
    );
    assert_eq!(err[1], "connected again");
}

#[test]
fn a_server_of_another_protocol_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut command = Korinet::start(&["connect", &addr]);
    command.write("{}\n");
    let mut stream = accept(&listener);
    stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
    let (code, _, err) = command.end();
    assert_eq!(code, 1);
    assert!(err[0].ends_with("the peer seems to speak SSH"), "{err:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let (_listener, addr) = Korinet::listen(&["--echo"]);
    let mut command = Korinet::start_into(&["connect", &addr, "--receive", "1"], "/dev/full");
    command.write("{}\n");
    let (code, _, err) = command.end();
    assert_eq!(code, 1);
    assert!(
        err[0].starts_with("korinet: cannot write to standard output: "),
        "{err:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_while_nobody_reads_stdout() {
    let (_listener, addr) = Korinet::listen(&["--echo"]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = Korinet::start_with(&["connect", &addr], writer.into());
    command.write(&format!("{{\"x\":\"{}\"}}\n", "y".repeat(200_000)));
    // The echo has begun, and is more than a pipe holds.
    reader.read_exact(&mut [0]).unwrap();
    command.signal("INT");
    assert_eq!(command.end().0, 130);
}
