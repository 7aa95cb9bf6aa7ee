use crate::dir::Dir;
use crate::run::{Korinet, connect, data};

/// Why a client that trusts this has no session.
#[track_caller]
fn refused(addr: &str, args: &[&str]) -> String {
    let (code, out, err) = connect(addr, args, "{}\n");
    assert_eq!((code, out, err.len()), (1, vec![], 1), "{err:?}");
    let expect = format!("korinet: cannot connect to {addr}: ");
    let why = err[0].strip_prefix(&expect).expect(&err[0]);
    why.to_owned()
}

#[test]
fn messages_go_over_tls() {
    let dir = Dir::with_certs("messages_go_over_tls", &[]);
    let listener = Korinet::start(&[
        "listen",
        "127.0.0.1:0",
        "--echo",
        "--tls-cert",
        &dir.path("server.pem"),
        "--tls-key",
        &dir.path("server.key"),
    ]);
    let line = listener.err_line();
    let addr = line.strip_prefix("listening on ").expect(&line);
    let addr = addr.strip_suffix(" with TLS").expect(&line);
    let ca = dir.path("ca.pem");
    for tls in [&["--tls-ca", &ca][..], &["--tls", "--tls-ca", &ca]] {
        let (code, out, err) = connect(addr, &[tls, &["--receive", "1"]].concat(), "\"hello\"\n");
        assert_eq!((code, out.len(), err), (0, 1, vec![]));
        assert_eq!(data(&listener.out_line()), "hello");
    }
    let port = addr.rsplit_once(':').unwrap().1;
    let by_name = format!("localhost:{port}");
    let ping = ["ping", &by_name, "-c", "2", "-i", "0s", "--tls-ca", &ca];
    let (code, out, err) = Korinet::start(&ping).end();
    assert_eq!((code, out.len(), err), (0, 3, vec![]));
}

#[test]
fn certificate_and_key_may_be_in_one_file() {
    let dir = Dir::with_certs("certificate_and_key_may_be_in_one_file", &[]);
    let both = dir.read("server.key") + &dir.read("server.pem");
    let both = dir.write("both.pem", &both);
    let (_listener, addr) = Korinet::listen(&["--tls-cert", &both]);
    assert_eq!(connect(&addr, &["--tls-ca", &dir.path("ca.pem")], "").0, 0);
}

#[test]
fn a_server_that_is_not_trusted_is_refused_and_told() {
    let test = "a_server_that_is_not_trusted_is_refused_and_told";
    let (dir, other) = (
        Dir::with_certs(test, &["--name", "a.example", "--name", "::1"]),
        Dir::with_certs(&format!("{test}_other"), &[]),
    );
    let (listener, addr) = dir.listen(&[]);
    let (ca, other_ca) = (dir.path("ca.pem"), other.path("ca.pem"));
    let untrusted = "certificate of the peer is not trusted: ";

    let why = refused(&addr, &["--tls-ca", &ca]);
    let expect = format!("{untrusted}it is not for 127.0.0.1, but for a.example, ::1");
    assert_eq!(why, expect);
    listener.err_line_with("refused: peer does not trust this side: ");

    let why = refused(&addr, &["--tls-ca", &ca, "--tls-name", "b.example"]);
    let expect = format!("{untrusted}it is not for b.example, but for a.example, ::1");
    assert_eq!(why, expect);

    for args in [
        &["--tls-ca", &other_ca, "--tls-name", "a.example"][..],
        // Those of the system do not know of it either.
        &["--tls", "--tls-name", "a.example"],
    ] {
        let why = refused(&addr, args);
        assert_eq!(why, format!("{untrusted}its issuer is unknown"));
        listener.err_line_with("refused: peer does not trust this side: its issuer is unknown");
    }
    for name in ["a.example", "::1"] {
        let args = ["--tls-ca", &ca, "--tls-name", name];
        assert_eq!(connect(&addr, &args, "{}\n").0, 0);
    }
}

#[cfg(unix)]
#[test]
fn a_certificate_is_renewed_while_a_session_goes_on() {
    let test = "a_certificate_is_renewed_while_a_session_goes_on";
    let (dir, other) = (
        Dir::with_certs(test, &[]),
        Dir::with_certs(&format!("{test}_other"), &[]),
    );
    let (old_ca, new_ca) = (dir.path("ca.pem"), other.path("ca.pem"));
    let (listener, addr) = dir.listen(&[]);
    let mut client = Korinet::start(&["connect", &addr, "--tls-ca", &old_ca]);
    client.write("\"before\"\n");
    assert_eq!(data(&listener.out_line()), "before");

    // The key alone is no use; what was read before stays.
    dir.write("server.key", &other.read("server.key"));
    listener.signal("HUP");
    let line = listener.err_line_with("certificates");
    let (cert, key) = (dir.path("server.pem"), dir.path("server.key"));
    let expect = format!(
        "certificates stay as they were: {cert} with {key}: the private key is not that of the certificate"
    );
    assert_eq!(line, expect);
    assert_eq!(connect(&addr, &["--tls-ca", &old_ca], "").0, 0);

    dir.write("server.pem", &other.read("server.pem"));
    listener.signal("HUP");
    listener.err_line_with("certificates read again");
    let why = refused(&addr, &["--tls-ca", &old_ca]);
    assert!(why.ends_with("its issuer is unknown"), "{why}");
    assert_eq!(connect(&addr, &["--tls-ca", &new_ca], "").0, 0);

    client.write("\"after\"\n");
    assert_eq!(data(&listener.out_line()), "after");
    assert_eq!(client.end(), (0, vec![], vec![]));
}
