use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::Process;

fn check_ping(addr: &str, protocol: &str, answer: &str) {
    let mut ping = Process::start("ping", &[addr, protocol]);
    let acknowledged = ping.line();
    let start = format!("{protocol}: acknowledged after ");
    assert!(acknowledged.starts_with(&start), "{acknowledged}");
    let answered = ping.line();
    let start = format!("{protocol}: answered after ");
    assert!(answered.starts_with(&start), "{answered}");
    assert_eq!(ping.line(), answer);
    ping.succeeds();
}

#[test]
fn ping_is_answered_in_both_versions() {
    let (mut server, addr) = Process::listening("ping", &["serve", "127.0.0.1:0"]);
    for protocol in ["v2", "v3"] {
        check_ping(&addr, protocol, r#"Text("status"): Bool(true)"#);
    }
    server.kill();
}

/// The script of the tests that takes commands, as lines of JSON.
#[test]
fn ping_is_answered_by_a_server_of_the_python_package() {
    let Some(python) = std::env::var_os("KORINET_PYTHON").filter(|path| !path.is_empty()) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI is set, but KORINET_PYTHON is not"
        );
        let _ = writeln!(
            std::io::stdout(),
            "skipped: no Python peer (run `cargo xtask test`)"
        );
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python/server.py");
    let mut server = Process::spawn(Command::new(python).args(["-B", "-X", "utf8"]).arg(script));
    server.say(r#"{"do": "listen"}"#);
    let answer = server.line();
    let port = answer.trim_matches(|c: char| !c.is_ascii_digit());
    for command in [
        r#"{"do": "accept"}"#,
        r#"{"do": "recv"}"#,
        r#"{"do": "send", "data": {"status": "fine"}}"#,
    ] {
        server.say(command);
    }
    check_ping(
        &format!("127.0.0.1:{port}"),
        "v2",
        r#"Text("status"): Text("fine")"#,
    );
    assert_eq!(server.line(), "{}");
    let received = server.line();
    assert!(received.contains(r#""type": "ping""#), "{received}");
    server.kill();
}
