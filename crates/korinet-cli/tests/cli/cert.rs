use std::fs;

use crate::dir::Dir;
use crate::run::{Korinet, connect};

/// Runs `korinet cert` in a folder, to its end.
fn cert(dir: &Dir, args: &[&str]) -> (i32, Vec<String>, Vec<String>) {
    Korinet::start(&[&["cert", "--dir", &dir.path("")], args].concat()).end()
}

#[test]
fn what_is_made_is_told_with_what_to_try() {
    let dir = Dir::new("what_is_made_is_told_with_what_to_try");
    let (code, out, err) = cert(&dir, &["--client", "bob", "--client", "eve"]);
    assert_eq!((code, err), (0, vec![]));
    let names = [
        "bob.key",
        "bob.pem",
        "ca.key",
        "ca.pem",
        "eve.key",
        "eve.pem",
        "server.key",
        "server.pem",
    ];
    assert_eq!(dir.names(), names);
    let path = |name: &str| dir.path(name);
    let expect = [
        format!(
            "made {} and {}: an authority for development, good for 3650 days",
            path("ca.pem"),
            path("ca.key")
        ),
        format!(
            "made {} and {}: a server for localhost, 127.0.0.1, ::1, good for 90 days",
            path("server.pem"),
            path("server.key")
        ),
        format!(
            "made {} and {}: the client bob, good for 90 days",
            path("bob.pem"),
            path("bob.key")
        ),
    ];
    assert_eq!(out[..3], expect);
    assert_eq!(out[5], "Try it, each in a terminal of its own:");
    assert!(out[6].starts_with("  korinet listen 127.0.0.1:1235 --tls-cert "));
    assert!(out[7].contains("| korinet connect 127.0.0.1:1235 --tls-ca "));
    assert_eq!(out.len(), 8);
}

/// The commands that were told, run by a shell at another port.
#[cfg(unix)]
#[test]
fn what_is_told_to_try_works() {
    use std::process::{Command, Stdio};

    let run = |line: &str| {
        let binary = env!("CARGO_BIN_EXE_korinet");
        let line = line.replacen("korinet ", "\"$0\" ", 1);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {}", line.trim_start()), binary]);
        command.stdout(Stdio::piped());
        Korinet::start_command(command)
    };
    for (number, args) in [
        &[][..],
        &["--name", "*.a.example", "--name", "b.example"],
        &["--client", "bob"],
    ]
    .iter()
    .enumerate()
    {
        let dir = Dir::new(&format!("what is told to try works {number}"));
        let (_, out, _) = cert(&dir, args);
        let [listen, connect] = &out[out.len() - 2..] else {
            panic!("{out:?}");
        };
        let listener = run(&listen.replace("127.0.0.1:1235", "127.0.0.1:0"));
        let addr = listener.listening_on();
        let (echo, connect) = connect.split_once(" | ").unwrap();
        let mut client = run(&connect.replace("127.0.0.1:1235", &addr));
        assert_eq!(echo.trim_start(), "echo '\"hello\"'");
        client.write("\"hello\"\n");
        assert_eq!(client.end(), (0, vec![], vec![]), "{args:?}");
        let line = listener.out_line();
        assert!(line.ends_with("\"data\":\"hello\"}"), "{line}");
    }
}

#[test]
fn nothing_is_overwritten_unless_that_is_asked_for() {
    let dir = Dir::with_certs(
        "nothing_is_overwritten_unless_that_is_asked_for",
        &["--client", "bob"],
    );
    let all = || {
        dir.names()
            .iter()
            .map(|name| dir.read(name))
            .collect::<Vec<_>>()
    };
    let before = all();
    for (args, name) in [
        (&[][..], "server.pem"),
        (&["--name", "other"], "server.pem"),
        (&["--client", "eve", "--client", "bob"], "bob.pem"),
    ] {
        let (code, out, err) = cert(&dir, args);
        let path = dir.path(name);
        let expect =
            format!("korinet: {path} is there already and is not overwritten without --force");
        assert_eq!((code, out, err), (1, vec![], vec![expect]));
        assert_eq!(all(), before);
    }
    // A key alone is in the way as well.
    dir.write("eve.key", "");
    let (code, _, err) = cert(&dir, &["--client", "eve"]);
    assert_eq!(code, 1);
    assert!(err[0].contains("eve.key is there already"), "{err:?}");
    assert_eq!(dir.read("eve.key"), "");
    fs::remove_file(dir.path("eve.key")).unwrap();

    let (ca, bob) = (
        dir.read("ca.key") + &dir.read("ca.pem"),
        dir.read("bob.pem"),
    );
    let (code, _, _) = cert(&dir, &["--force"]);
    assert_eq!(code, 0);
    assert_eq!(dir.read("ca.key") + &dir.read("ca.pem"), ca);
    assert_eq!(dir.read("bob.pem"), bob);
    assert_ne!(all(), before);
    assert_eq!(dir.names().len(), before.len());
}

#[test]
fn an_authority_is_used_again() {
    let dir = Dir::with_certs("an_authority_is_used_again", &[]);
    let (ca, server) = (dir.read("ca.pem"), dir.read("server.pem"));
    let (code, out, err) = cert(&dir, &["--client", "bob"]);
    assert_eq!((code, err), (0, vec![]));
    assert!(out[0].starts_with("used "), "{out:?}");
    assert!(out[2].starts_with("kept "), "{out:?}");
    assert_eq!((dir.read("ca.pem"), dir.read("server.pem")), (ca, server));

    let ca = dir.path("ca.pem");
    let (_listener, addr) = dir.listen(&["--tls-client-ca", &ca]);
    let (cert, key) = (dir.path("bob.pem"), dir.path("bob.key"));
    let args = ["--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key];
    assert_eq!(connect(&addr, &args, "{}\n"), (0, vec![], vec![]));
}

#[cfg(unix)]
#[test]
fn private_keys_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Dir::with_certs("private_keys_are_their_owners_alone", &["--client", "bob"]);
    let check = || {
        for name in ["ca.key", "server.key", "bob.key"] {
            let mode = fs::metadata(dir.path(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    };
    check();
    // Not even where the file before was everybody's.
    let everybody = fs::Permissions::from_mode(0o666);
    fs::set_permissions(dir.path("server.key"), everybody).unwrap();
    dir.cert(&["--force"]);
    check();
}

#[test]
fn an_authority_that_cannot_be_used_is_told() {
    let test = "an_authority_that_cannot_be_used_is_told";
    let other = Dir::with_certs(&format!("{test}_other"), &[]);
    let dir = Dir::with_certs(test, &[]);
    let (ca, key) = (dir.path("ca.pem"), dir.path("ca.key"));
    let (good_ca, good_key) = (dir.read("ca.pem"), dir.read("ca.key"));
    let told = |ca: &str, key: &str| {
        dir.write("ca.pem", ca);
        dir.write("ca.key", key);
        let (code, out, err) = cert(&dir, &["--client", "bob"]);
        assert_eq!((code, out), (1, vec![]));
        assert_eq!(dir.names().len(), 4);
        err[0].clone()
    };
    let both = format!("korinet: {ca} and {key}");
    for (found, expect) in [
        (
            told("nothing", &good_key),
            format!("{both}: no certificate found in {ca}"),
        ),
        (
            told(&good_ca, &good_key[..100]),
            format!("{both}: private key in {key} is broken: "),
        ),
        (
            told(&good_ca, &other.read("ca.key")),
            format!("{both}: the private key is not that of the certificate"),
        ),
        // A server is no authority.
        (
            told(&other.read("server.pem"), &other.read("server.key")),
            format!("{both}: not an authority that korinet cert has made: "),
        ),
    ] {
        assert!(found.starts_with(&expect), "{found}");
    }
    fs::remove_file(&key).unwrap();
    let (code, _, err) = cert(&dir, &["--client", "bob"]);
    let expect = format!("korinet: {ca} is there, but {key} is not: expected both or none");
    assert_eq!((code, err), (1, vec![expect]));
}

#[test]
fn wrong_names_are_told() {
    let dir = Dir::new("wrong_names_are_told");
    for args in [
        &["--client", "../bob"][..],
        &["--client", "server"],
        &["--client", "bob", "--client", "Bob"],
        &["--name", "a b"],
        &["--name", "[::1]"],
        &["--days", "0"],
        &["--days", "3651"],
    ] {
        let (code, out, err) = cert(&dir, args);
        assert_eq!((code, out), (2, vec![]), "{args:?}: {err:?}");
    }
    assert!(dir.names().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_cannot_be_written_are_told_and_not_left() {
    use std::process::{Command, Stdio};

    let (code, _, err) = Korinet::start(&["cert", "--dir", "/dev/full"]).end();
    assert_eq!(code, 1);
    let expect = "korinet: cannot make the directory /dev/full: ";
    assert!(err[0].starts_with(expect), "{err:?}");

    // As on a full disk: a file may be made, but nothing be written into it.
    let dir = Dir::new("files_that_cannot_be_written_are_told_and_not_left");
    let limited = |args: &str| {
        let script = format!("trap '' XFSZ; ulimit -f 0; exec \"$0\" cert --dir \"$1\" {args}");
        let mut command = Command::new("sh");
        let binary = env!("CARGO_BIN_EXE_korinet");
        command.args(["-c", &script, binary, &dir.path("")]);
        command.stdout(Stdio::piped());
        Korinet::start_command(command).end()
    };
    let (code, out, err) = limited("");
    assert_eq!((code, out), (1, vec![]));
    let expect = format!("korinet: cannot write {}: ", dir.path("ca.key"));
    assert!(err[0].starts_with(&expect), "{err:?}");
    assert!(dir.names().is_empty(), "{:?}", dir.names());

    // What was there stays, whole.
    dir.cert(&[]);
    let before = dir
        .names()
        .iter()
        .map(|name| dir.read(name))
        .collect::<Vec<_>>();
    assert_eq!(limited("--force").0, 1);
    let after = dir
        .names()
        .iter()
        .map(|name| dir.read(name))
        .collect::<Vec<_>>();
    assert_eq!(before, after);
}

#[test]
fn a_script_can_read_what_was_made() {
    let dir = Dir::new("cert_json");
    let (code, out, _) =
        Korinet::start(&["cert", "--dir", &dir.path(""), "--client", "bob", "--json"]).end();
    assert_eq!((code, out.len()), (0, 3));
    for (line, name) in out.iter().zip(["ca", "server", "bob"]) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["did"], "made");
        for (of, end) in [("certificate", "pem"), ("key", "key")] {
            let path = line[of].as_str().unwrap();
            assert!(path.ends_with(&format!("{name}.{end}")), "{path}");
        }
    }
}
