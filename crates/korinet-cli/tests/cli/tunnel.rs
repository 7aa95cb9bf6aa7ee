//! TCP connections through `korinet tunnel`, over links that break.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;

use serde_json::Value;

use crate::chaos::{chaos_before, cuts};
use crate::dir::Dir;
use crate::run::{Korinet, accept, dial};

/// Faults that let most messages through, and cut often.
pub(crate) const CUTS: [&str; 6] = ["--cut-random", "60k", "--cut-by", "rst", "--seed", "5"];

/// Both ends of a tunnel, and a link between them.
pub(crate) struct Tunnel {
    pub(crate) exit: Korinet,
    pub(crate) link: Korinet,
    pub(crate) entry: Korinet,
    /// Where TCP connections are taken.
    pub(crate) addr: String,
    exit_addr: String,
}

impl Tunnel {
    pub(crate) fn new(target: &str, faults: &[&str], at_exit: &[&str], at_entry: &[&str]) -> Self {
        let exit = [
            &["tunnel", "listen", "127.0.0.1:0", "--to", target],
            at_exit,
        ]
        .concat();
        let exit = Korinet::start(&exit);
        let exit_addr = exit.listening_on();
        let (link, addr, _) = chaos_before(&exit_addr, faults);
        let entry = ["tunnel", "connect", &addr, "--listen", "127.0.0.1:0"];
        let entry = Korinet::start(&[&entry[..], at_entry].concat());
        let addr = entry.listening_on();
        Self {
            exit,
            link,
            entry,
            addr,
            exit_addr,
        }
    }

    /// Where sessions are taken.
    pub(crate) fn exit_addr(&self) -> String {
        self.exit_addr.clone()
    }

    /// Ends it; how often its link was cut.
    pub(crate) fn end(self) -> u64 {
        let cuts = cuts(self.link);
        for end in [self.entry, self.exit] {
            end.signal("INT");
            assert_eq!(end.end().0, 130);
        }
        cuts
    }
}

/// As many bytes, of which no two parts are alike.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

/// A target of the test's own, and a tunnel to it.
pub(crate) fn tunnel(faults: &[&str]) -> (TcpListener, Tunnel) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = target.local_addr().unwrap().to_string();
    (target, Tunnel::new(&addr, faults, &[], &[]))
}

#[test]
fn bytes_survive_cuts_in_both_directions_at_once() {
    const LEN: usize = 2_000_000;
    let (target, tunnel) = tunnel(&CUTS);
    let echo = thread::spawn(move || {
        let mut server = accept(&target);
        let mut writer = server.try_clone().unwrap();
        let copied = std::io::copy(&mut server, &mut writer).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
        copied
    });
    let mut client = dial(&tunnel.addr);
    let mut writer = client.try_clone().unwrap();
    let writing = thread::spawn(move || {
        writer.write_all(&noise(LEN)).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut found = Vec::new();
    client.read_to_end(&mut found).unwrap();
    assert!(found == noise(LEN), "{} bytes", found.len());
    writing.join().unwrap();
    assert_eq!(echo.join().unwrap(), LEN as u64);
    let expect = format!("connection 1 ended after {LEN} bytes read and {LEN} written");
    assert_eq!(tunnel.entry.err_line_with(" ended after "), expect);
    assert_eq!(tunnel.exit.err_line_with(" ended after "), expect);
    let cuts = tunnel.end();
    assert!(cuts >= 20, "{cuts}");
}

/// What is typed and answered, while the link is cut each fraction of a second.
#[test]
fn questions_and_answers_survive_a_link_that_never_lasts() {
    const QUESTIONS: u32 = 400;
    let faults = ["--cut-after", "200ms", "--cut-by", "rst", "--delay", "1ms"];
    let (target, tunnel) = tunnel(&faults);
    let answering = thread::spawn(move || {
        let mut server = accept(&target);
        let mut number = [0; 4];
        while server.read_exact(&mut number).is_ok() {
            let answer = u32::from_be_bytes(number) + 1;
            server.write_all(&answer.to_be_bytes()).unwrap();
        }
    });
    let mut client = dial(&tunnel.addr);
    let mut number = 0_u32;
    while number < QUESTIONS {
        client.write_all(&number.to_be_bytes()).unwrap();
        let mut answer = [0; 4];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(u32::from_be_bytes(answer), number + 1);
        number += 1;
    }
    drop(client);
    answering.join().unwrap();
    let cuts = tunnel.end();
    assert!(cuts >= 3, "{cuts}");
}

/// As in HTTP/1.0: the end of the request is what the answer waits for.
#[test]
fn a_direction_ends_while_the_other_goes_on() {
    const LEN: usize = 300_000;
    let (target, tunnel) = tunnel(&CUTS);
    for is_client_first in [true, false] {
        let client = dial(&tunnel.addr);
        let server = accept(&target);
        let (mut first, mut second) = match is_client_first {
            true => (client, server),
            false => (server, client),
        };
        let mut found = Vec::new();
        first.write_all(b"request").unwrap();
        first.shutdown(Shutdown::Write).unwrap();
        second.read_to_end(&mut found).unwrap();
        assert_eq!(found, b"request");
        let writing = thread::spawn(move || second.write_all(&noise(LEN)).unwrap());
        found.clear();
        first.read_to_end(&mut found).unwrap();
        assert!(found == noise(LEN), "{} bytes", found.len());
        writing.join().unwrap();
        tunnel.entry.err_line_with(" ended after ");
    }
    assert!(tunnel.end() > 0);
}

#[test]
fn each_connection_has_its_own_target() {
    let (target, tunnel) = tunnel(&[]);
    let mut pairs = Vec::new();
    for number in 0..20_u8 {
        let mut client = dial(&tunnel.addr);
        client.write_all(&[number]).unwrap();
        let mut server = accept(&target);
        let mut found = [0];
        server.read_exact(&mut found).unwrap();
        assert_eq!(found, [number]);
        pairs.push((client, server));
    }
    for (number, (client, server)) in pairs.iter_mut().enumerate() {
        let number = u8::try_from(number).unwrap();
        server.write_all(&[number]).unwrap();
        let mut found = [0];
        client.read_exact(&mut found).unwrap();
        assert_eq!(found, [number]);
    }
    tunnel.end();
}

/// Nobody reads at the far end: what is written at the near end comes to a halt, and nothing of it is lost.
#[test]
fn who_does_not_read_is_waited_for() {
    const LEN: usize = 24_000_000;
    let (target, tunnel) = tunnel(&[]);
    let mut client = dial(&tunnel.addr);
    let mut server = accept(&target);
    client.set_nonblocking(true).unwrap();
    let bytes = noise(LEN);
    let mut written = 0;
    // It takes the sockets of three connections and the window of the session, and then no more.
    let mut is_halted = false;
    while !is_halted {
        match client.write(&bytes[written..]) {
            Ok(len) => written += len,
            Err(_) => {
                client.set_nonblocking(false).unwrap();
                client
                    .set_write_timeout(Some(std::time::Duration::from_millis(500)))
                    .unwrap();
                match client.write(&bytes[written..]) {
                    Ok(len) => written += len,
                    Err(_) => is_halted = true,
                }
                client.set_nonblocking(true).unwrap();
            }
        }
        assert!(written < LEN, "nothing holds it back");
    }
    client.set_nonblocking(false).unwrap();
    client.set_write_timeout(None).unwrap();
    let writing = thread::spawn(move || {
        client.write_all(&bytes[written..]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        (client, bytes)
    });
    let mut found = Vec::new();
    server.read_to_end(&mut found).unwrap();
    let (_client, bytes) = writing.join().unwrap();
    assert!(found == bytes, "{} bytes", found.len());
}

#[test]
fn tls_and_tokens_are_those_of_the_other_commands() {
    let dir = Dir::with_certs("tls_and_tokens_are_those_of_the_other_commands", &[]);
    let token = dir.write("token", "sesame\n");
    let wrong = dir.write("wrong", "open\n");
    let path = |name| dir.path(name);
    let (cert, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let target_addr = target.local_addr().unwrap().to_string();
    let at_exit = [
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--token-file",
        &token,
    ];
    let start = |token| {
        let at_entry = ["--tls-ca", &ca, "--token-file", token];
        Tunnel::new(&target_addr, &CUTS, &at_exit, &at_entry)
    };
    let tunnel = start(&token);
    let mut client = dial(&tunnel.addr);
    let mut server = accept(&target);
    let writing = thread::spawn(move || server.write_all(&noise(400_000)).unwrap());
    let mut found = vec![0; 400_000];
    client.read_exact(&mut found).unwrap();
    assert!(found == noise(400_000));
    writing.join().unwrap();
    drop(client);
    assert!(tunnel.end() > 0);

    let tunnel = start(&wrong);
    let error = dial(&tunnel.addr).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let line = tunnel.entry.err_line_with("reset");
    assert!(line.contains("authentication-failed"), "{line}");
}

#[test]
fn what_happens_is_told_as_json_to_who_asks_for_it() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap().to_string();
    let tunnel = Tunnel::new(&to, &[], &["--json"], &["--json"]);
    let mut client = dial(&tunnel.addr);
    let from = client.local_addr().unwrap().to_string();
    let server = accept(&target);
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    std::io::copy(&mut &server, &mut std::io::sink()).unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let json = |of: &Korinet| serde_json::from_str::<Value>(&of.out_line()).unwrap();
    let line = json(&tunnel.entry);
    assert_eq!(
        (&line["event"], &line["addr"]),
        (&"listening".into(), &tunnel.addr.as_str().into())
    );
    let expect = serde_json::json!({"event": "opened", "connection": 1, "peer": from});
    assert_eq!(json(&tunnel.entry), expect);
    let expect = serde_json::json!({
        "event": "ended", "connection": 1, "read": 5, "written": 0, "error": null,
    });
    assert_eq!(json(&tunnel.entry), expect);
    assert_eq!(json(&tunnel.exit)["to"], to.as_str());
    assert_eq!(json(&tunnel.exit)["event"], "opened");
    assert_eq!(json(&tunnel.exit)["written"], 5);
}
