//! Options that do not go together, and files that are not what they are to be.

use crate::dir::Dir;
use crate::run::Korinet;

/// The exit code, and what was told first.
fn told(args: &[&str]) -> (i32, String) {
    let (code, out, err) = Korinet::start(args).end();
    assert!(out.is_empty(), "{out:?}");
    (code, err.join("\n"))
}

#[test]
fn options_that_do_not_go_together_are_told() {
    let addr = "127.0.0.1:0";
    let without_v3 =
        "needs protocol v3, but --protocol is v2, which has neither TLS nor authentication";
    for (args, expect) in [
        (&["listen", addr, "--tls-key", "x"][..], "--tls-cert <FILE>"),
        (
            &["listen", addr, "--tls-client-ca", "x"],
            "--tls-cert <FILE>",
        ),
        (
            &["listen", addr, "--tls-cert", "x", "--tls-client-crl", "x"],
            "--tls-client-ca <FILE>",
        ),
        (
            &["listen", addr, "--protocol", "v2", "--tls-cert", "x"],
            &format!("--tls-cert {without_v3}"),
        ),
        (
            &["listen", addr, "--protocol", "v2", "--token-file", "x"],
            &format!("--token-file {without_v3}"),
        ),
        (&["connect", addr, "--tls-key", "x"], "--tls-cert <FILE>"),
        (
            &["connect", addr, "--tls", "--tls-key", "x"],
            "--tls-cert <FILE>",
        ),
        (
            &["connect", addr, "--tls-cert", "x"],
            "<--tls|--tls-ca <FILE>>",
        ),
        (
            &["ping", addr, "--tls-name", "x"],
            "<--tls|--tls-ca <FILE>>",
        ),
        (
            &["connect", addr, "--protocol", "v2", "--tls"],
            &format!("--tls {without_v3}"),
        ),
        (
            &["ping", addr, "--protocol", "v2", "--tls-ca", "x"],
            &format!("--tls-ca {without_v3}"),
        ),
        (
            &["ping", addr, "--protocol", "v2", "--token-file", "x"],
            &format!("--token-file {without_v3}"),
        ),
    ] {
        let (code, err) = told(args);
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(expect), "{args:?}: {err}");
        assert!(
            err.contains(&format!("Usage: korinet {}", args[0])),
            "{err}"
        );
    }
}

#[test]
fn a_name_with_a_port_is_no_name() {
    let args = [
        "connect",
        "127.0.0.1:0",
        "--tls",
        "--tls-name",
        "localhost:1235",
    ];
    let (code, err) = told(&args);
    assert_eq!(code, 2);
    let expect = "expected a DNS name or an IP address, without a port";
    assert!(err.contains(expect), "{err}");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = Dir::with_certs("files_that_cannot_be_used_are_named", &[]);
    let path = |name: &str| dir.path(name);
    let (cert, key, ca, ca_key) = (
        path("server.pem"),
        path("server.key"),
        path("ca.pem"),
        path("ca.key"),
    );
    let missing = path("missing.pem");
    let folder = path("");
    let text = dir.write("text.pem", "nothing in here\n");
    let half = dir.read("server.pem");
    let half = dir.write("half.pem", &half[..half.len() / 2]);
    let armour = |what: &str| format!("-----BEGIN {what}-----\nAAAA\n-----END {what}-----\n");
    let bad_cert = dir.write("bad.pem", &armour("CERTIFICATE"));
    let bad_key = dir.write("bad.key", &armour("PRIVATE KEY"));
    let bad_list = dir.write("bad.crl", &armour("X509 CRL"));

    let listen = ["listen", "127.0.0.1:0", "--tls-cert"];
    let connect = ["connect", "127.0.0.1:0", "--tls-ca"];
    for (args, expect) in [
        (
            vec![&*missing, "--tls-key", &key],
            format!("cannot read {missing}: "),
        ),
        (
            vec![&*folder, "--tls-key", &key],
            format!("cannot read {folder}: "),
        ),
        (
            vec![&*cert, "--tls-key", &missing],
            format!("cannot read {missing}: "),
        ),
        (vec![&*cert], format!("no private key found in {cert}")),
        (vec![&*key], format!("no certificate found in {key}")),
        (
            vec![&*text, "--tls-key", &key],
            format!("no certificate found in {text}"),
        ),
        (
            vec![&*half, "--tls-key", &key],
            format!("certificate in {half} is broken: "),
        ),
        (
            vec![&*bad_cert, "--tls-key", &key],
            format!("{bad_cert} with {key}: "),
        ),
        (
            vec![&*cert, "--tls-key", &bad_key],
            format!("{cert} with {bad_key}: "),
        ),
        (
            vec![&*cert, "--tls-key", &ca_key],
            format!("{cert} with {ca_key}: the private key is not that of the certificate"),
        ),
        (
            vec![&*cert, "--tls-key", &key, "--tls-client-ca", &missing],
            format!("cannot read {missing}: "),
        ),
        (
            vec![&*cert, "--tls-key", &key, "--tls-client-ca", &text],
            format!("no certificate found in {text}"),
        ),
        (
            vec![
                &*cert,
                "--tls-key",
                &key,
                "--tls-client-ca",
                &ca,
                "--tls-client-crl",
                &missing,
            ],
            format!("cannot read {missing}: "),
        ),
        (
            vec![
                &*cert,
                "--tls-key",
                &key,
                "--tls-client-ca",
                &ca,
                "--tls-client-crl",
                &text,
            ],
            format!("{text}: no revocation list found"),
        ),
        (
            vec![
                &*cert,
                "--tls-key",
                &key,
                "--tls-client-ca",
                &ca,
                "--tls-client-crl",
                &bad_list,
            ],
            format!("{bad_list}: "),
        ),
    ] {
        let (code, err) = told(&[&listen[..], &args].concat());
        assert_eq!(code, 1, "{args:?}: {err}");
        assert!(
            err.starts_with(&format!("korinet: {expect}")),
            "{args:?}: {err}"
        );
    }
    for (args, expect) in [
        (vec![&*missing], format!("cannot read {missing}: ")),
        (vec![&*key], format!("no certificate found in {key}")),
        (
            vec![&*bad_cert],
            format!("certificate in {bad_cert} is broken: "),
        ),
        (
            vec![&*ca, "--tls-cert", &cert, "--tls-key", &ca_key],
            format!("{cert} with {ca_key}: the private key is not that of the certificate"),
        ),
    ] {
        let (code, err) = told(&[&connect[..], &args].concat());
        assert_eq!(code, 1, "{args:?}: {err}");
        assert!(
            err.starts_with(&format!("korinet: {expect}")),
            "{args:?}: {err}"
        );
    }
}
