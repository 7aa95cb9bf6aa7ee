//! Clients that have to show a certificate.

use crate::authority::Authority;
use crate::dir::Dir;
use crate::run::connect;

#[test]
fn clients_without_a_certificate_are_refused() {
    let test = "clients_without_a_certificate_are_refused";
    let (dir, other) = (
        Dir::with_certs(test, &["--client", "bob"]),
        Dir::with_certs(&format!("{test}_other"), &["--client", "bob"]),
    );
    let ca = dir.path("ca.pem");
    let (listener, addr) = dir.listen(&["--tls-client-ca", &ca]);
    let with = |dir: &Dir, name: &str| {
        let (cert, key) = (
            dir.path(&format!("{name}.pem")),
            dir.path(&format!("{name}.key")),
        );
        let args = ["--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key];
        connect(&addr, &args, "{}\n")
    };
    assert_eq!(with(&dir, "bob"), (0, vec![], vec![]));
    listener.err_line_with(" disconnected");

    for (found, seen_there, seen_here) in [
        (
            connect(&addr, &["--tls-ca", &ca], "{}\n"),
            "peer does not trust this side: a certificate is required",
            "certificate of the peer is not trusted: a certificate is required",
        ),
        (
            with(&other, "bob"),
            "peer does not trust this side: its issuer is unknown",
            "certificate of the peer is not trusted: its issuer is unknown",
        ),
        // A certificate of a server is none of a client.
        (
            with(&dir, "server"),
            "peer does not trust this side: ",
            "certificate of the peer is not trusted: ",
        ),
    ] {
        let (code, out, err) = found;
        assert_eq!((code, out), (1, vec![]));
        let there = format!("korinet: cannot connect to {addr}: {seen_there}");
        assert!(err[0].starts_with(&there), "{err:?}");
        let line = listener.err_line();
        assert!(line.contains(&format!(" refused: {seen_here}")), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn a_certificate_is_revoked_without_a_restart() {
    let dir = Dir::with_certs("a_certificate_is_revoked_without_a_restart", &[]);
    let authority = Authority::new();
    let ca = dir.write("clients.pem", &authority.pem());
    let list = dir.write("revoked.pem", &authority.revoke(&[]));
    let (good, bad) = (
        authority.issue(&dir, "good", 1),
        authority.issue(&dir, "bad", 2),
    );
    let (listener, addr) = dir.listen(&["--tls-client-ca", &ca, "--tls-client-crl", &list]);
    let with = |cert: &str| {
        let args = ["--tls-ca", &dir.path("ca.pem"), "--tls-cert", cert];
        connect(&addr, &args, "{}\n")
    };
    assert_eq!(with(&good), (0, vec![], vec![]));
    assert_eq!(with(&bad), (0, vec![], vec![]));

    dir.write("revoked.pem", "nothing");
    listener.signal("HUP");
    let line = listener.err_line_with("certificates");
    let expect = format!("certificates stay as they were: {list}: no revocation list found");
    assert_eq!(line, expect);

    dir.write("revoked.pem", &authority.revoke(&[2]));
    listener.signal("HUP");
    listener.err_line_with("certificates read again");
    assert_eq!(with(&good), (0, vec![], vec![]));
    let expect =
        format!("korinet: cannot connect to {addr}: peer does not trust this side: it was revoked");
    assert_eq!(with(&bad), (1, vec![], vec![expect]));
    listener.err_line_with("refused: certificate of the peer is not trusted: it was revoked");
}
