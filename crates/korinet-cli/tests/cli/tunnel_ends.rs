//! Connections through `korinet tunnel` that do not come to their end: they never look as if they had.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::run::{Korinet, accept, connect, dial};
use crate::tunnel::{Tunnel, tunnel};

/// Breaks a connection off: with bytes that nobody has read the system resets it.
fn reset(stream: TcpStream) {
    assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    drop(stream);
}

#[track_caller]
fn expect_reset(mut stream: &TcpStream) {
    // What came before it may be read first.
    let error = loop {
        match stream.read(&mut [0; 1000]) {
            Ok(0) => panic!("an end in good order"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// A connection through a tunnel, both of whose ends have heard of each other.
fn pair(target: &TcpListener, tunnel: &Tunnel) -> (TcpStream, TcpStream) {
    let mut client = dial(&tunnel.addr);
    let mut server = accept(target);
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    server.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    (client, server)
}

#[test]
fn a_reset_goes_through_in_either_direction() {
    let (target, tunnel) = tunnel(&[]);
    for is_client_reset in [true, false] {
        for is_direction_over in [false, true] {
            let (client, server) = pair(&target, &tunnel);
            let (mut near, far) = match is_client_reset {
                true => (server, client),
                false => (client, server),
            };
            if is_direction_over {
                // Who has said all it has to say can still die.
                far.shutdown(std::net::Shutdown::Write).unwrap();
                assert_eq!(near.read(&mut [0]).unwrap(), 0);
            }
            near.write_all(b"x").unwrap();
            reset(far);
            if is_direction_over {
                let error = loop {
                    if let Err(error) = near.write_all(b"x") {
                        break error.kind();
                    }
                };
                assert!(matches!(
                    error,
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                ));
            } else {
                expect_reset(&near);
            }
            let broken = match is_client_reset {
                true => &tunnel.entry,
                false => &tunnel.exit,
            };
            broken.err_line_with("reset after");
        }
    }
    tunnel.end();
}

#[test]
fn a_target_that_is_not_there_is_told_at_both_ends() {
    // Nobody listens there.
    let tunnel = Tunnel::new("127.0.0.1:1", &[], &[], &[]);
    expect_reset(&dial(&tunnel.addr));
    for (end, prefix) in [(&tunnel.entry, "peer: "), (&tunnel.exit, "")] {
        let line = end.err_line_with("reset");
        let expect = format!(
            "connection 1 reset after 0 bytes read and 0 written: {prefix}target cannot be reached: Connection refused"
        );
        assert!(line.starts_with(&expect), "{line}");
    }
    tunnel.end();
}

#[test]
fn a_far_end_that_is_killed_resets_both_connections() {
    let (target, mut tunnel) = tunnel(&[]);
    let (client, server) = pair(&target, &tunnel);
    tunnel.exit.signal("KILL");
    // The system ends what it had open.
    expect_reset(&server);
    let addr = {
        let told = tunnel.entry.err_line_with("connection lost");
        assert!(told.starts_with("connection 1: "), "{told}");
        tunnel.exit_addr()
    };
    let to = target.local_addr().unwrap().to_string();
    tunnel.exit = Korinet::start(&["tunnel", "listen", &addr, "--to", &to]);
    // Another process has no memory of it.
    expect_reset(&client);
    let line = tunnel.entry.err_line_with("reset after 5");
    assert!(line.contains("session is lost"), "{line}");
    // And new ones go on.
    pair(&target, &tunnel);
}

#[test]
fn a_near_end_that_is_killed_resets_both_connections() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap().to_string();
    let tunnel = Tunnel::new(&to, &[], &["--timeout", "1s"], &[]);
    let (client, server) = pair(&target, &tunnel);
    tunnel.entry.signal("KILL");
    expect_reset(&client);
    expect_reset(&server);
    let line = tunnel.exit.err_line_with("reset after");
    assert!(line.contains("session expired 1s after"), "{line}");
}

#[test]
fn ctrl_c_resets_what_is_open() {
    for is_entry in [true, false] {
        let (target, tunnel) = tunnel(&[]);
        let (client, server) = pair(&target, &tunnel);
        let (ended, other) = match is_entry {
            true => (tunnel.entry, tunnel.exit),
            false => (tunnel.exit, tunnel.entry),
        };
        ended.signal("INT");
        expect_reset(&client);
        expect_reset(&server);
        assert_eq!(ended.end().0, 130);
        let line = other.err_line_with("reset after 5");
        assert!(line.ends_with(": peer: tunnel was ended"), "{line}");
    }
}

#[test]
fn a_peer_with_another_purpose_gets_no_byte() {
    let (listener, addr) = Korinet::listen(&["--reply", "{}"]);
    let entry = ["tunnel", "connect", &addr, "--listen", "127.0.0.1:0"];
    let entry = Korinet::start(&entry);
    let mut client = dial(&entry.listening_on());
    client.write_all(b"secret").unwrap();
    expect_reset(&client);
    let line = entry.err_line_with("reset after 0 bytes read");
    assert!(
        line.ends_with(": peer is no korinet tunnel listen"),
        "{line}"
    );
    let line = listener.out_line();
    assert!(line.contains("\"data\":\"korinet tunnel 1\""), "{line}");

    let (target, tunnel) = tunnel(&[]);
    drop(target);
    let (code, _, err) = connect(&tunnel.exit_addr(), &[], "\"hello\"\n");
    assert_eq!(code, 1, "{err:?}");
    let line = tunnel.exit.err_line_with("reset after");
    let expect = "peer is no korinet tunnel connect: it says \"hello\"";
    assert!(line.ends_with(expect), "{line}");
}

#[test]
fn a_near_end_that_cannot_listen_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let args = ["tunnel", "connect", "127.0.0.1:1", "--listen", &listen];
    let (code, _, err) = Korinet::start(&args).end();
    assert_eq!(code, 1);
    assert!(
        err[0].starts_with(&format!("korinet: {listen}: cannot listen: ")),
        "{err:?}"
    );
}
