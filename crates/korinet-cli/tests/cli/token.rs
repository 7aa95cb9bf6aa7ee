use std::fs;

use crate::dir::Dir;
use crate::run::{Korinet, connect, data};

const TOKENS: &str = "# of today\n\n  first token  \r\nsecond\n";

#[test]
fn a_client_has_to_show_one_of_the_tokens() {
    let dir = Dir::new("a_client_has_to_show_one_of_the_tokens");
    let tokens = dir.write("tokens", TOKENS);
    let (listener, addr) = Korinet::listen(&["--token-file", &tokens]);
    let with = |text: &str| {
        let path = dir.write("mine", text);
        connect(&addr, &["--token-file", &path], "{}\n")
    };
    for right in ["first token", "second", "# mine\n\n second \n third \n"] {
        assert_eq!(with(right), (0, vec![], vec![]), "{right}");
        listener.err_line_with(" disconnected");
    }
    for wrong in ["third\nsecond", "secon", "second token", "#first token\nx"] {
        let (code, _, err) = with(wrong);
        let expect = format!(
            "korinet: cannot connect to {addr}: refused by the peer: authentication-failed"
        );
        assert_eq!((code, err), (1, vec![expect]));
        let line = listener.err_line();
        assert!(line.ends_with(" refused: authentication-failed"), "{line}");
    }
    let (code, _, err) = connect(&addr, &[], "{}\n");
    let expect =
        format!("korinet: cannot connect to {addr}: refused by the peer: authentication-required");
    assert_eq!((code, err), (1, vec![expect]));
    let line = listener.err_line();
    assert!(
        line.ends_with(" refused: authentication-required"),
        "{line}"
    );
}

/// A client, and what is between it and its server.
struct Course {
    listener: Korinet,
    server: String,
    chaos: Option<Korinet>,
    client: Korinet,
    addr: String,
}

impl Course {
    /// A client with the token in this file, which has sent a message.
    fn start(tokens: &str, mine: &str) -> Self {
        let (listener, server) = Korinet::listen(&["--token-file", tokens]);
        let chaos = Korinet::start(&["chaos", "127.0.0.1:0", &server]);
        let line = chaos.err_line();
        let addr = line.strip_prefix("listening on ").expect(&line);
        let addr = addr.split_once(',').expect(&line).0.to_owned();
        let mut client = Korinet::start(&["connect", &addr, "--token-file", mine]);
        client.write("\"before\"\n");
        assert_eq!(data(&listener.out_line()), "before");
        Self {
            listener,
            server,
            chaos: Some(chaos),
            client,
            addr,
        }
    }

    /// Cuts the connection, and lets the client back after this.
    fn cut(&mut self, meanwhile: impl FnOnce()) {
        drop(self.chaos.take());
        self.client.err_line_with("connection lost: ");
        meanwhile();
        let chaos = Korinet::start(&["chaos", &self.addr, &self.server]);
        chaos.err_line_with("listening on ");
        self.chaos = Some(chaos);
    }
}

#[test]
fn tokens_are_changed_without_a_restart() {
    let dir = Dir::new("tokens_are_changed_without_a_restart");
    let tokens = dir.write("tokens", "old\n");
    let mine = dir.write("mine", "old\n");
    let mut course = Course::start(&tokens, &mine);

    // Its own token is among others now: it goes on where it was.
    course.cut(|| _ = dir.write("tokens", "old\nnew\n"));
    course.client.err_line_with("connected again");
    course.listener.err_line_with(" is back");
    course.client.write("\"between\"\n");
    assert_eq!(data(&course.listener.out_line()), "between");

    // Another token is another client, whose messages go on in a session of its own.
    course.cut(|| {
        dir.write("tokens", "new\n");
        dir.write("mine", "new\n");
    });
    let line = course.client.err_line_with("session lost: ");
    assert!(line.contains("; opening another"), "{line}");
    course.client.write("\"after\"\n");
    let mut line = course.listener.out_line();
    // Its acknowledgement may have been on its way.
    if data(&line) == "between" {
        assert!(line.ends_with(",\"redelivered\":true}"), "{line}");
        line = course.listener.out_line();
    }
    assert_eq!(data(&line), "after");
    let (code, _, err) = course.client.end();
    assert_eq!((code, err), (0, vec![]));
}

#[test]
fn a_client_whose_token_counts_no_more_ends() {
    let dir = Dir::new("a_client_whose_token_counts_no_more_ends");
    let tokens = dir.write("tokens", "old\n");
    let mine = dir.write("mine", "old\n");
    let mut course = Course::start(&tokens, &mine);
    course.cut(|| _ = dir.write("tokens", "new\n"));
    course
        .listener
        .err_line_with(" refused: authentication-failed");
    course.client.write("\"after\"\n");
    let (code, out, err) = course.client.end();
    assert_eq!((code, out), (1, vec![]));
    let last = err.last().unwrap();
    assert!(last.ends_with("authentication-failed"), "{err:?}");
    // The listener goes on for others.
    dir.write("mine", "new\n");
    let args = ["--token-file", &mine];
    assert_eq!(connect(&course.server, &args, "\"other\"\n").0, 0);
    assert_eq!(data(&course.listener.out_line()), "other");
}

#[test]
fn a_file_without_tokens_lets_nobody_in_and_is_told_once() {
    let dir = Dir::new("a_file_without_tokens_lets_nobody_in_and_is_told_once");
    let tokens = dir.write("tokens", "secret");
    let mine = dir.write("mine", "secret");
    let (listener, addr) = Korinet::listen(&["--token-file", &tokens]);
    fs::remove_file(&tokens).unwrap();
    let mut told = Vec::new();
    for _ in 0..2 {
        let (code, _, err) = connect(&addr, &["--token-file", &mine], "{}\n");
        assert_eq!(code, 1);
        let expect = format!("korinet: cannot connect to {addr}: refused by the peer: starting");
        assert_eq!(err, [expect]);
    }
    dir.write("tokens", "secret");
    assert_eq!(connect(&addr, &["--token-file", &mine], "{}\n").0, 0);
    let end = "clients can be authenticated again";
    while told.last().is_none_or(|line| line != end) {
        told.push(listener.err_line());
    }
    let start = format!("nobody can be authenticated: cannot read {tokens}: ");
    assert!(told[0].starts_with(&start), "{told:?}");
    assert!(told[1].ends_with(" refused: starting"), "{told:?}");
    assert!(told[2].ends_with(" refused: starting"), "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn tokens_that_cannot_be_had_are_told() {
    let dir = Dir::new("tokens_that_cannot_be_had_are_told");
    let missing = dir.path("missing");
    let empty = dir.write("empty", "# nothing\n\n");
    let long = dir.write("long", &"x".repeat(8193));
    let (_listener, addr) = Korinet::listen(&[]);
    for (path, expect) in [
        (&missing, format!("cannot read {missing}: ")),
        (
            &empty,
            format!("no token found in {empty}, expected one a line"),
        ),
        (
            &long,
            format!("a token in {long} has 8193 bytes, expected at most 8192"),
        ),
    ] {
        let (code, _, err) = connect(&addr, &["--token-file", path], "");
        let start = format!("korinet: cannot connect to {addr}: no credential: {expect}");
        assert_eq!(code, 1);
        assert!(err[0].starts_with(&start), "{err:?}");
        let args = ["listen", "127.0.0.1:0", "--token-file", path];
        let (code, _, err) = Korinet::start(&args).end();
        assert_eq!(code, 1);
        assert!(err[0].starts_with(&format!("korinet: {expect}")), "{err:?}");
    }
}

#[test]
fn the_longest_token_goes_over_tls() {
    let dir = Dir::with_certs("the_longest_token_goes_over_tls", &[]);
    let tokens = dir.write("tokens", &"x".repeat(8192));
    let (_listener, addr) = dir.listen(&["--token-file", &tokens]);
    let args = ["--token-file", &tokens, "--tls-ca", &dir.path("ca.pem")];
    assert_eq!(connect(&addr, &args, "{}\n"), (0, vec![], vec![]));
}

#[cfg(unix)]
#[test]
fn a_token_that_can_be_read_on_the_way_is_warned_of() {
    let dir = Dir::with_certs("a_token_that_can_be_read_on_the_way_is_warned_of", &[]);
    let tokens = dir.write("tokens", "secret");
    let port = |addr: &str| addr.rsplit_once(':').unwrap().1.to_owned();
    let (_listener, addr) = Korinet::listen(&["--token-file", &tokens]);
    // It is this machine, but says so to nobody who does not know.
    let unspecified = format!("0.0.0.0:{}", port(&addr));
    let (code, _, err) = connect(&unspecified, &["--token-file", &tokens], "{}\n");
    let warning = format!(
        "warning: without TLS the token can be read by anybody on the way to {unspecified}"
    );
    assert_eq!((code, err), (0, vec![warning]));
    let by_name = format!("localhost:{}", port(&addr));
    for addr in [addr, by_name] {
        let found = connect(&addr, &["--token-file", &tokens], "{}\n");
        assert_eq!(found, (0, vec![], vec![]));
    }

    let (_listener, addr) = dir.listen(&["--token-file", &tokens]);
    let ca = dir.path("ca.pem");
    let args = [
        "--token-file",
        &tokens,
        "--tls-ca",
        &ca,
        "--tls-name",
        "localhost",
    ];
    let found = connect(&format!("0.0.0.0:{}", port(&addr)), &args, "{}\n");
    assert_eq!(found, (0, vec![], vec![]));
}
