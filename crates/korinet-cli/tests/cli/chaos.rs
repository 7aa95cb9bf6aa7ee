use std::io::{Read, Write};
use std::net::TcpListener;

use crate::run::{Korinet, accept, connect, dial};

/// A proxy with these options in front of a listener of the test's own; its address, and its first line.
fn chaos(options: &[&str]) -> (TcpListener, Korinet, String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let (chaos, addr, line) = chaos_before(&target, options);
    (listener, chaos, addr, line)
}

pub(crate) fn chaos_before(target: &str, options: &[&str]) -> (Korinet, String, String) {
    let chaos = Korinet::start(&[&["chaos", "127.0.0.1:0", target], options].concat());
    let line = chaos.err_line();
    let rest = line.strip_prefix("listening on ").expect(&line);
    let (addr, rest) = rest.split_once(", ").expect(&line);
    let expect = format!("forwarding to {target}, seed ");
    let seed = rest.strip_prefix(&expect).expect(&line);
    assert!(seed.parse::<u64>().is_ok(), "{line}");
    (chaos, addr.to_owned(), line)
}

/// Ends a proxy; how many connections it has cut.
#[cfg(unix)]
pub(crate) fn cuts(chaos: Korinet) -> u64 {
    chaos.signal("INT");
    let (code, out, _) = chaos.end();
    assert_eq!(code, 130);
    out[1].split(' ').next().unwrap().parse().unwrap()
}

#[cfg(unix)]
#[test]
fn a_cut_is_made_told_and_counted() {
    let (listener, chaos, addr, line) = chaos(&[
        "--cut-every",
        "1k",
        "--cut-by",
        "fin",
        "--chunk",
        "100",
        "--delay",
        "1ms",
        "--seed",
        "7",
    ]);
    assert!(line.ends_with(", seed 7"), "{line}");
    assert_eq!(
        chaos.err_line(),
        "faults: cut by FIN after 1000 bytes of a direction, 1ms later in each direction, \
         in pieces of at most 100 bytes"
    );
    let mut client = dial(&addr);
    let mut server = accept(&listener);
    let came = format!("connection 1 came from {}", client.local_addr().unwrap());
    assert_eq!(chaos.err_line(), came);
    server.write_all(b"hello").unwrap();
    let mut hello = [0; 5];
    client.read_exact(&mut hello).unwrap();
    assert_eq!(&hello, b"hello");
    client.write_all(&[7; 1500]).unwrap();
    let mut found = Vec::new();
    server.read_to_end(&mut found).unwrap();
    assert_eq!(found, [7; 1000]);
    assert_eq!(
        chaos.err_line(),
        "connection 1 cut by FIN, on the way to the server, \
         after 1000 bytes to the server and 5 to the client"
    );
    assert_eq!(client.read_to_end(&mut found).unwrap(), 0);

    chaos.signal("INT");
    let (code, out, _) = chaos.end();
    assert_eq!(code, 130);
    let pieces = out[2].strip_prefix("1000 bytes to the server, 5 to the client, in ");
    let pieces = pieces.and_then(|rest| rest.strip_suffix(" pieces"));
    // As many as it takes, and more if the bytes did not arrive together.
    let pieces: u64 = pieces.expect(&out[2]).parse().unwrap();
    assert!(pieces >= 11, "{pieces}");
    assert_eq!(
        out[..2],
        [
            "1 connections, the target could not be reached for 0 of them",
            "1 cut: 1 by FIN, 0 by RST, 0 by silence",
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_script_can_read_what_was_counted() {
    let (listener, chaos, addr, _) = chaos(&["--seed", "7", "--json"]);
    let mut client = dial(&addr);
    let mut server = accept(&listener);
    client.write_all(b"hello").unwrap();
    let mut hello = [0; 5];
    server.read_exact(&mut hello).unwrap();
    chaos.signal("INT");
    let (code, out, _) = chaos.end();
    assert_eq!((code, out.len()), (130, 1));
    let counts: serde_json::Value = serde_json::from_str(&out[0]).unwrap();
    assert_eq!(counts["seed"], 7);
    assert_eq!(counts["connections"], 1);
    assert_eq!(counts["bytes_to_server"], 5);
}

#[test]
fn a_connection_is_cut_when_its_time_is_over() {
    let (listener, chaos, addr, _) = chaos(&["--cut-after", "10ms", "--cut-by", "fin"]);
    assert_eq!(chaos.err_line(), "faults: cut by FIN after 10ms");
    let mut client = dial(&addr);
    let _server = accept(&listener);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let line = chaos.err_line_with("cut by FIN, ");
    let expect = "connection 1 cut by FIN, after 0 bytes to the server and 0 to the client";
    assert_eq!(line, expect);
    assert_eq!(cuts(chaos), 1);
}

#[cfg(unix)]
#[test]
fn a_target_that_is_not_there_is_told_and_counted() {
    // Nobody listens there. The port of a listener that is gone would not do: while another test starts a
    // command, that holds the listener, too.
    let (chaos, addr, _) = chaos_before("127.0.0.1:1", &[]);
    let _ = dial(&addr).read(&mut [0]);
    let line = chaos.err_line_with("reached");
    let unreachable = "connection 1 reset, the target cannot be reached: ";
    assert!(line.starts_with(unreachable), "{line}");
    chaos.signal("INT");
    let (code, out, _) = chaos.end();
    assert_eq!(code, 130);
    let expect = "1 connections, the target could not be reached for 1 of them";
    assert_eq!(out[0], expect);
}

#[cfg(unix)]
#[test]
fn without_faults_everything_is_forwarded_as_it_is() {
    let (listener, chaos, addr, _) = chaos(&[]);
    assert_eq!(
        chaos.err_line(),
        "faults: none, everything is forwarded as it is"
    );
    let mut client = dial(&addr);
    let mut server = accept(&listener);
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(1_000_000).collect();
    let sent = bytes.clone();
    let sending = std::thread::spawn(move || {
        client.write_all(&sent).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        client
    });
    let mut found = Vec::new();
    server.read_to_end(&mut found).unwrap();
    assert!(found == bytes);
    let _client = sending.join().unwrap();
    drop(server);
    assert_eq!(
        chaos.err_line_with("ended"),
        "connection 1 ended after 1000000 bytes to the server and 0 to the client"
    );
    chaos.signal("TERM");
    let (code, out, err) = chaos.end();
    assert_eq!((code, err), (143, vec![]));
    assert_eq!(
        out,
        [
            "1 connections, the target could not be reached for 0 of them",
            "0 cut: 0 by FIN, 0 by RST, 0 by silence",
            "1000000 bytes to the server, 0 to the client",
        ]
    );
}

/// The commands themselves, through a network that does not hold for long.
#[cfg(unix)]
#[test]
fn a_conversation_survives_it() {
    const LAST: usize = 60;
    let (listener, target) = Korinet::listen(&["--count", "60"]);
    let options = ["--cut-random", "800", "--cut-by", "rst", "--seed", "3"];
    let (chaos, addr, _) = chaos_before(&target, &options);
    let lines: String = (1..=LAST).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let (code, _, err) = connect(&addr, &[], &lines);
    assert_eq!(code, 0, "{err:?}");
    for n in 1..=LAST {
        let line = listener.out_line();
        assert!(line.contains(&format!("\"data\":{{\"n\":{n}}}")), "{line}");
    }
    let cuts = cuts(chaos);
    assert!(cuts >= 3, "{cuts}");
}

#[test]
fn wrong_options_are_told_with_what_is_allowed() {
    for (options, expect) in [
        (
            &["--cut-every", "20x"][..],
            "found \"20x\", expected a number of bytes such as 20000, 20k or 1M",
        ),
        (&["--chunk", "0"], "found 0, expected at least 1 byte"),
        (
            &["--cut-every", "1", "--cut-random", "1"],
            "cannot be used with",
        ),
        (&["--cut-by", "rst"], "required"),
        (
            &["--cut-every", "1", "--cut-by", "axe"],
            "[possible values: fin, rst, silence, any]",
        ),
        (
            &["--chunk", "1", "--chunk-random", "1"],
            "cannot be used with",
        ),
        (&["--delay", "50"], "time unit needed"),
        (&["--seed", "-1"], "-1"),
    ] {
        let args = [&["chaos", "127.0.0.1:0", "127.0.0.1:1"], options].concat();
        let (code, out, err) = Korinet::start(&args).end();
        assert_eq!((code, out), (2, vec![]), "{options:?}");
        let err = err.join("\n");
        assert!(err.contains(expect), "{err}");
    }
    let (_listener, addr) = Korinet::listen(&[]);
    let (code, _, err) = Korinet::start(&["chaos", &addr, "127.0.0.1:1"]).end();
    assert_eq!(code, 1);
    let expect = format!("korinet: {addr}: cannot listen: ");
    assert!(err[0].starts_with(&expect), "{err:?}");
}
