use std::fs;

use serde_json::Value;

use crate::dir::Dir;
use crate::run::Korinet;

/// As short as it can be.
const SHORT: [&str; 6] = ["--rounds", "3", "--duration", "0s", "--sizes", "16,4k"];

fn bench(args: &[&str]) -> (i32, Vec<String>, Vec<String>) {
    Korinet::start(&[&["bench"], args, &SHORT].concat()).end()
}

#[test]
fn each_size_is_measured_drawn_and_written_down() {
    let dir = Dir::new("bench");
    let svg = dir.path("bench.svg");
    let (code, out, err) = bench(&["--svg", &svg]);
    assert_eq!((code, &err[..]), (0, &[][..]));
    assert!(
        out[0].starts_with("to a server of its own, on 127.0.0.1:"),
        "{out:?}"
    );
    assert!(out[0].contains("; 3 rounds of 0s each"), "{out:?}");
    for size in ["16 ", "4000 "] {
        let lines = out
            .iter()
            .filter(|line| line.trim_start().starts_with(size));
        assert_eq!(lines.count(), 4, "a row and three bars of {size}: {out:?}");
    }
    assert!(fs::read_to_string(svg).unwrap().starts_with("<svg"));
}

#[test]
fn json_has_the_rounds_and_how_many_messages_they_had() {
    let (code, out, _) = bench(&["--json"]);
    assert_eq!((code, out.len()), (0, 1));
    let figures: Value = serde_json::from_str(&out[0]).unwrap();
    assert_eq!(figures["rounds"], 3);
    let sizes = figures["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 2);
    for (row, bytes) in sizes.iter().zip([16, 4000]) {
        assert_eq!(row["bytes"], bytes);
        assert!(row["round_trips"].as_u64().unwrap() >= 30, "{row}");
        assert!(row["messages"].as_u64().unwrap() >= 30, "{row}");
        let rate = &row["messages_per_second"];
        let of = |name: &str| rate[name].as_f64().unwrap();
        assert!(0.0 < of("least") && of("least") <= of("median") && of("median") <= of("most"));
    }
}

#[cfg(unix)]
#[test]
fn another_process_can_be_the_peer() {
    let server = Korinet::start(&["bench", "--serve", "127.0.0.1:0"]);
    let addr = server.listening_on();
    let (code, out, err) = bench(&[&addr]);
    assert_eq!((code, &err[..]), (0, &[][..]));
    assert!(out[0].starts_with(&format!("to {addr}; ")), "{out:?}");
    server.signal("INT");
    assert_eq!(server.end().0, 130);
}

#[test]
fn what_does_not_go_together_is_told() {
    for (args, expect) in [
        (&["bench", "--tls"][..], "--tls and --tls-ca need ADDR"),
        (
            &["bench", "--serve", "127.0.0.1:0", "--json"],
            "cannot be used with",
        ),
        (&["bench", "--allow-plaintext"], "--serve"),
        (&["bench", "--sizes", "16,x"], "expected a number of bytes"),
        (&["bench", "--rounds", "0"], "1..=1000"),
    ] {
        let (code, _, err) = Korinet::start(args).end();
        assert_eq!(code, 2, "{args:?}");
        assert!(err.join(" ").contains(expect), "{args:?}: {err:?}");
    }
    // Nobody is there, and nothing is waited for.
    let (code, _, err) = bench(&["127.0.0.1:1"]);
    assert_eq!(code, 1);
    assert!(
        err[0].starts_with("korinet: cannot connect to 127.0.0.1:1: "),
        "{err:?}"
    );
    let (code, _, err) = bench(&["--svg", "/nowhere/bench.svg"]);
    assert_eq!(code, 1);
    assert!(
        err[0].starts_with("korinet: cannot draw /nowhere/bench.svg: "),
        "{err:?}"
    );
}
