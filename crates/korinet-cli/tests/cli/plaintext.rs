//! With TLS on one side only.

use std::io::{Read, Write};

use korinet::wire::v3::{Code, Decoded, Frame, MAX_HANDSHAKE_FRAME, PREFACE, decode};

use crate::dir::Dir;
use crate::run::{Korinet, connect, data, dial};

#[test]
fn a_client_without_tls_is_told_to_use_it() {
    let dir = Dir::with_certs("a_client_without_tls_is_told_to_use_it", &[]);
    let (listener, addr) = dir.listen(&[]);
    let (code, out, err) = connect(&addr, &[], "{}\n");
    let expect = format!("korinet: cannot connect to {addr}: refused by the peer: tls-required");
    assert_eq!((code, out, err), (1, vec![], vec![expect]));
    let line = listener.err_line();
    let expect = " refused: peer does not begin with TLS, which is required";
    assert!(line.ends_with(expect), "{line}");
}

#[test]
fn bytes_that_are_not_tls_are_answered_or_not_as_they_are() {
    let dir = Dir::with_certs(
        "bytes_that_are_not_tls_are_answered_or_not_as_they_are",
        &[],
    );
    let (listener, addr) = dir.listen(&[]);
    let ask = |bytes: &[u8]| {
        let mut stream = dial(&addr);
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let line = listener.err_line();
        let peer = stream.local_addr().unwrap();
        let expect = format!("{peer} refused: peer does not begin with TLS, which is required");
        assert_eq!(line, expect);
        answer
    };
    let answer = ask(&PREFACE);
    let frame = answer.strip_prefix(&PREFACE).expect("the preface");
    let Ok(Decoded::Complete {
        frame: Frame::Reject(reject),
        len,
    }) = decode(frame, MAX_HANDSHAKE_FRAME)
    else {
        panic!("no REJECT: {answer:02x?}");
    };
    assert_eq!(len, frame.len());
    assert_eq!(reject.code, Code::TLS_REQUIRED);

    let answer = ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.is_empty(), "{answer:02x?}");
}

#[test]
fn a_client_with_tls_is_told_that_there_is_none() {
    let dir = Dir::with_certs("a_client_with_tls_is_told_that_there_is_none", &[]);
    for protocol in ["auto", "v2", "v3"] {
        let (listener, addr) = Korinet::listen(&["--protocol", protocol]);
        let (code, out, err) = connect(&addr, &["--tls-ca", &dir.path("ca.pem")], "{}\n");
        let expect = format!("korinet: cannot connect to {addr}: peer does not speak TLS 1.3");
        assert_eq!((code, out, err), (1, vec![], vec![expect]));
        let line = listener.err_line();
        let expect = " refused: peer begins with TLS, which is not served here";
        assert!(line.ends_with(expect), "{line}");
    }
}

#[test]
fn both_are_taken_where_that_is_allowed() {
    let dir = Dir::with_certs("both_are_taken_where_that_is_allowed", &[]);
    let (cert, key) = (dir.path("server.pem"), dir.path("server.key"));
    let listener = Korinet::start(&[
        "listen",
        "127.0.0.1:0",
        "--allow-plaintext",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ]);
    let line = listener.err_line();
    let addr = line.strip_prefix("listening on ").expect(&line);
    let addr = addr.strip_suffix(" with TLS and without").expect(&line);
    for (args, message) in [
        (&[][..], "\"plain\"\n"),
        (&["--tls-ca", &dir.path("ca.pem")], "\"secured\"\n"),
    ] {
        assert_eq!(connect(addr, args, message), (0, vec![], vec![]));
    }
    assert_eq!(data(&listener.out_line()), "plain");
    assert_eq!(data(&listener.out_line()), "secured");
}

#[test]
fn other_machines_are_let_in_only_where_that_is_allowed() {
    for (addr, ip) in [("0.0.0.0:0", "0.0.0.0"), ("[::]:0", "::")] {
        let (code, out, err) = Korinet::start(&["listen", addr]).end();
        let expect = format!(
            "korinet: {ip} is no loopback address, and without TLS anybody on the way can read along and take \
             sessions over: expected --tls-cert, or --allow-plaintext"
        );
        assert_eq!((code, out, err), (1, vec![], vec![expect]));
    }
    let listener = Korinet::start(&["listen", "0.0.0.0:0", "--allow-plaintext"]);
    let line = listener.err_line();
    assert!(line.starts_with("listening on 0.0.0.0:"), "{line}");
    assert!(line.ends_with(" without TLS"), "{line}");

    let dir = Dir::with_certs("other_machines_are_let_in_only_where_that_is_allowed", &[]);
    let (cert, key) = (dir.path("server.pem"), dir.path("server.key"));
    let args = [
        "listen",
        "0.0.0.0:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let line = Korinet::start(&args).err_line();
    assert!(line.ends_with(" with TLS"), "{line}");
}
