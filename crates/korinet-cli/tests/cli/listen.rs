use std::io::{Read, Write};

use serde_json::json;

use crate::run::{Korinet, connect, data, dial, frame};

#[test]
fn messages_are_lines_of_json_in_their_order() {
    let (listener, addr) = Korinet::listen(&[]);
    let (code, out, err) = connect(
        &addr,
        &[],
        "{\"z\":[1.5,null,true],\"a\":\"\\u0000ü\"}\n\n  {}\n{\"n\":18446744073709551616}\n",
    );
    assert_eq!((code, out, err), (0, vec![], vec![]));
    let out = [(); 3].map(|()| listener.out_line());
    let found: Vec<_> = out.iter().map(|line| data(line)).collect();
    let expect = [
        json!({"z": [1.5, null, true], "a": "\0ü"}),
        json!({}),
        json!({"n": "AQAAAAAAAAAA"}),
    ];
    assert_eq!(found, expect);
    assert!(
        out[0].contains("{\"z\":[1.5,null,true],\"a\":\"\\u0000ü\"}"),
        "{}",
        out[0]
    );
    assert!(listener.err_line().ends_with(" connected"));
    assert!(listener.err_line().ends_with(" disconnected"));
}

#[test]
fn ids_of_other_types_are_shown() {
    let (listener, addr) = Korinet::listen(&["--count", "1"]);
    let mut stream = dial(&addr);
    let body = b"\xa2\x62id\x82\x01\x42\xff\x00\x64data\xa0";
    stream
        .write_all(&[&[0, 0, 0, 15][..], body].concat())
        .unwrap();
    assert_eq!(body.len(), 15);
    let (code, out, _) = listener.end();
    assert_eq!(
        (code, &out[..]),
        (0, &["{\"id\":[1,\"_wA\"],\"data\":{}}".to_owned()][..])
    );
}

#[test]
fn an_acknowledgement_follows_the_line_and_outlives_the_command() {
    let (listener, addr) = Korinet::listen(&["--count", "1"]);
    let mut stream = dial(&addr);
    stream.write_all(&frame(b"\xa0")).unwrap();
    let (code, out, _) = listener.end();
    assert_eq!((code, out.len()), (0, 1));
    let mut acknowledgement = Vec::new();
    stream.read_to_end(&mut acknowledgement).unwrap();
    assert_eq!(acknowledgement.len(), 4 + 53);
    assert_eq!(&acknowledgement[10..20], b"\xa1\x67statusP\xf5");
}

#[test]
fn a_bad_peer_ends_its_connection_and_nothing_else() {
    let (listener, addr) = Korinet::listen(&["--count", "7"]);
    let bad: [(&[u8], &str); 6] = [
        (
            b"GET / HTTP/1.1\r\n\r\n",
            "error: frame length 1195725856 exceeds limit 524288: the peer seems to speak HTTP",
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00",
            "refused: peer begins with TLS, which is not served here",
        ),
        (b"\0\0\0\0", "error: frame length 0, expected at least 1"),
        (
            b"\0\x08\0\x01",
            "error: frame length 524289 exceeds limit 524288",
        ),
        (
            b"\0\0\0\x02\x80\x80",
            "error: frame holds an array, expected a map at byte 4 of the frame",
        ),
        (
            b"\0\0\0\x09\xa1",
            "lost: connection ended inside of a frame: 8 more bytes expected",
        ),
    ];
    for (index, (bytes, expect)) in bad.iter().enumerate() {
        let mut stream = dial(&addr);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let peer = stream.local_addr().unwrap();
        let line = listener.err_line_with(&format!("{peer} {}", &expect[..4]));
        assert_eq!(line, format!("{peer} {expect}"));
        let message = format!("{{\"after\":{index}}}\n");
        assert_eq!(connect(&addr, &[], &message).0, 0);
        assert_eq!(data(&listener.out_line()), json!({"after": index}));
    }
    assert_eq!(connect(&addr, &[], "{}").0, 0);
    assert_eq!(listener.end().0, 0);
}

#[test]
fn lines_of_many_connections_stay_whole() {
    const SENDERS: usize = 8;
    const MESSAGES: usize = 40;
    let count = (SENDERS * MESSAGES).to_string();
    let (listener, addr) = Korinet::listen(&["--count", &count]);
    let text = "x".repeat(5000);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let mut connect = Korinet::start(&["connect", &addr]);
            for n in 0..MESSAGES {
                connect.write(&format!("{{\"s\":{sender},\"n\":{n},\"t\":\"{text}\"}}\n"));
            }
            connect.close_stdin();
            connect
        })
        .collect();
    let mut next = [0; SENDERS];
    for _ in 0..SENDERS * MESSAGES {
        let found = data(&listener.out_line());
        let sender = usize::try_from(found["s"].as_u64().unwrap()).unwrap();
        assert_eq!(found["n"], next[sender]);
        next[sender] += 1;
    }
    for sender in senders {
        assert_eq!(sender.end().0, 0);
    }
    assert_eq!(listener.end().0, 0);
}

#[test]
fn replies_and_echoes_reach_their_senders() {
    let (_listener, addr) = Korinet::listen(&["--reply", "{\"status\":true}"]);
    let (code, out, _) = connect(&addr, &["--receive", "2"], "{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(code, 0);
    let found: Vec<_> = out.iter().map(|line| data(line)).collect();
    assert_eq!(found, [json!({"status": true}), json!({"status": true})]);

    let (_listener, addr) = Korinet::listen(&["--echo"]);
    let (code, out, _) = connect(&addr, &["--receive", "2"], "{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(code, 0);
    let found: Vec<_> = out.iter().map(|line| data(line)).collect();
    assert_eq!(found, [json!({"n": 1}), json!({"n": 2})]);
}

#[test]
fn a_peer_that_acknowledges_no_answer_does_not_keep_it_from_ending() {
    let (listener, addr) = Korinet::listen(&["--count", "1", "--reply", "{}"]);
    let mut stream = dial(&addr);
    stream.write_all(&frame(b"\xa0")).unwrap();
    let (code, out, _) = listener.end();
    assert_eq!((code, out.len()), (0, 1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_message_that_cannot_be_printed_is_not_acknowledged() {
    let listener = Korinet::start_into(&["listen", "127.0.0.1:0"], "/dev/full");
    let addr = listener.listening_on();
    let mut stream = dial(&addr);
    stream.write_all(&frame(b"\xa0")).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap_or_default();
    assert!(answer.is_empty(), "{answer:02x?}");
    let (code, _, err) = listener.end();
    assert_eq!(code, 1);
    let last = err.last().unwrap();
    assert!(
        last.starts_with("korinet: cannot write to standard output: No space left"),
        "{last}"
    );
}

#[cfg(unix)]
#[test]
fn signals_end_it_with_their_code() {
    for (name, expect) in [("INT", 130), ("TERM", 143)] {
        let (listener, addr) = Korinet::listen(&[]);
        let mut stream = dial(&addr);
        assert!(listener.err_line().ends_with(" connected"));
        listener.signal(name);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        drop(stream);
        let (code, out, err) = listener.end();
        assert_eq!((code, out, err), (expect, vec![], vec![]));
    }
}

#[test]
fn wrong_use_is_told_from_what_goes_wrong() {
    let told = |args: &[&str]| {
        let (code, out, err) = Korinet::start(args).end();
        assert!(out.is_empty());
        (code, err.first().cloned().unwrap_or_default())
    };
    let (code, err) = told(&["listen", "localhost"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("expected HOST:PORT, the port is missing"),
        "{err}"
    );
    for args in [
        &["listen"][..],
        &["listen", "127.0.0.1:0", "--protocol", "v9"],
        &["listen", "127.0.0.1:0", "--echo", "--reply", "{}"],
        &["listen", "127.0.0.1:0", "--reply", "{"],
        &["listen", "127.0.0.1:0", "--reply", "[1]"],
        &["listen", "127.0.0.1:0", "--count", "0"],
        &["speak"],
    ] {
        assert_eq!(told(args).0, 2, "{args:?}");
    }
    let (_listener, addr) = Korinet::listen(&[]);
    let (code, err) = told(&["listen", &addr]);
    assert_eq!(code, 1);
    assert!(
        err.starts_with(&format!("korinet: {addr}: cannot listen: ")),
        "{err}"
    );
    let needs_v3 = "korinet: keep_alive needs protocol v3, but the protocol is v2";
    for command in ["listen", "connect", "ping"] {
        let args = [
            command,
            "127.0.0.1:0",
            "--protocol",
            "v2",
            "--keepalive",
            "1s",
        ];
        assert_eq!(told(&args), (1, needs_v3.to_owned()));
    }
}
