//! Another implementation of TLS at the other end.

use std::env;
use std::io::Write;
use std::process::Command;
use std::sync::Once;

use crate::dir::Dir;
use crate::run::{Korinet, connect};

/// Whether there is the command `openssl`; where there is none, that is told in one line.
///
/// On a build server nobody would read that line, so there it has to be.
fn is_there() -> bool {
    static SKIPPED: Once = Once::new();
    if Command::new("openssl").arg("version").output().is_ok() {
        return true;
    }
    assert!(
        env::var_os("CI").is_none(),
        "CI is set, but there is no openssl"
    );
    SKIPPED.call_once(|| {
        // Not `println!`, which the test harness would hide.
        let _ = writeln!(std::io::stdout(), "skipped: no openssl to speak TLS with");
    });
    false
}

/// Connects, says nothing, and is told this on stdout and stderr.
fn s_client(addr: &str, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", addr]).args(args);
    command.stdout(std::process::Stdio::piped());
    let (code, out, err) = Korinet::start_command(command).end();
    (code, out.join("\n"), err.join("\n"))
}

#[test]
fn openssl_is_let_in_by_tls_1_3_and_the_name_of_the_protocol_alone() {
    if !is_there() {
        return;
    }
    let test = "openssl_is_let_in_by_tls_1_3_and_the_name_of_the_protocol_alone";
    let dir = Dir::with_certs(test, &[]);
    let (listener, addr) = dir.listen(&[]);
    let ca = dir.path("ca.pem");
    let trusting = [
        "-CAfile",
        &ca,
        "-verify_return_error",
        "-verify_ip",
        "127.0.0.1",
        "-x509_strict",
    ];
    let with = |args: &[&str]| s_client(&addr, &[&trusting[..], args].concat());

    let (code, out, err) = with(&["-tls1_3", "-alpn", "korinet/3"]);
    assert_eq!(code, 0, "{err}");
    for expect in [
        "Verification: OK",
        "ALPN protocol: korinet/3",
        "New, TLSv1.3, ",
    ] {
        assert!(out.contains(expect), "{out}");
    }
    assert!(
        err.contains("depth=1 CN = korinet cert ") || err.contains("depth=1 CN=korinet cert "),
        "{err}"
    );
    let line = listener.err_line();
    assert!(line.ends_with(" refused: closed by the peer"), "{line}");

    for args in [&["-tls1_3"][..], &["-tls1_3", "-alpn", "h2"]] {
        let (code, _, err) = with(args);
        assert_ne!(code, 0);
        assert!(err.contains("alert no application protocol"), "{err}");
        let line = listener.err_line();
        let expect = " refused: peer does not speak korinet/3 over TLS";
        assert!(line.ends_with(expect), "{line}");
    }

    let (code, _, err) = with(&["-tls1_2", "-alpn", "korinet/3"]);
    assert_ne!(code, 0);
    assert!(err.contains("alert protocol version"), "{err}");
    let line = listener.err_line();
    assert!(
        line.ends_with(" refused: peer does not speak TLS 1.3"),
        "{line}"
    );

    assert_eq!(connect(&addr, &["--tls-ca", &ca], "{}\n").0, 0);
}

#[test]
fn openssl_takes_the_certificates_for_what_they_are() {
    if !is_there() {
        return;
    }
    let test = "openssl_takes_the_certificates_for_what_they_are";
    let dir = Dir::with_certs(test, &["--client", "bob", "--days", "7"]);
    let openssl = |args: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(args).stdout(std::process::Stdio::piped());
        let (code, out, err) = Korinet::start_command(command).end();
        (code, out.join("\n") + &err.join("\n"))
    };
    let (ca, server, bob) = (
        dir.path("ca.pem"),
        dir.path("server.pem"),
        dir.path("bob.pem"),
    );
    let verify = ["verify", "-x509_strict", "-CAfile", &ca, "-purpose"];
    for (args, expect) in [
        (
            &["sslserver", "-verify_hostname", "localhost", &server][..],
            0,
        ),
        (&["sslserver", "-verify_ip", "::1", &server], 0),
        (&["sslclient", &bob], 0),
        (&["sslserver", "-verify_hostname", "other", &server], 2),
        (&["sslclient", &server], 2),
        (&["sslserver", &bob], 2),
    ] {
        let (code, told) = openssl(&[&verify[..], args].concat());
        assert_eq!(code, expect, "{args:?}: {told}");
    }
    let day = 24 * 60 * 60;
    for (path, days) in [(&server, 7), (&bob, 7), (&ca, 3650)] {
        for (days, expect) in [(days - 1, 0), (days, 1)] {
            // Some time may pass until it is asked, but not backwards.
            let seconds = (days * day + i32::from(expect == 1)).to_string();
            let (code, told) = openssl(&["x509", "-noout", "-checkend", &seconds, "-in", path]);
            assert_eq!(code, expect, "{days} days: {told}");
        }
    }
    let (_, text) = openssl(&["x509", "-noout", "-text", "-in", &ca]);
    for expect in ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"] {
        assert!(text.contains(expect), "{text}");
    }
}
