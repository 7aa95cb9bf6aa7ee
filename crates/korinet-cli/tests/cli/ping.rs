use serde_json::Value;

use crate::run::Korinet;

#[test]
fn round_trips_are_told_one_by_one_and_together() {
    let (listener, addr) = Korinet::listen(&["--count", "5"]);
    let (code, out, err) = Korinet::start(&["ping", &addr, "-c", "5", "-i", "0s"]).end();
    assert_eq!((code, &err[..]), (0, &[][..]));
    assert_eq!(out.len(), 6);
    for (line, number) in out[..5].iter().zip(1..) {
        assert!(
            line.starts_with(&format!("{number}: acknowledged in ")),
            "{line}"
        );
    }
    let summary = out[5]
        .strip_prefix("5 acknowledged, min/median/p99 = ")
        .expect(&out[5]);
    let times: Vec<f64> = summary
        .trim_end_matches(" µs")
        .split('/')
        .map(|time| time.parse().unwrap())
        .collect();
    assert!(times.len() == 3 && times.is_sorted(), "{summary}");
    assert_eq!(listener.end().0, 0);
}

#[test]
fn a_script_can_read_them() {
    let (_listener, addr) = Korinet::listen(&[]);
    let (code, out, _) = Korinet::start(&["ping", &addr, "-c", "3", "-i", "0s", "--json"]).end();
    assert_eq!((code, out.len()), (0, 4));
    let lines: Vec<Value> = out
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (line, number) in lines[..3].iter().zip(1..) {
        assert_eq!(line["number"], number);
        assert!(line["micros"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(lines[3]["acknowledged"], 3);
    assert!(lines[3]["median_micros"].is_f64() && lines[3]["p99_micros"].is_f64());
}

#[test]
fn a_peer_that_answers_is_listened_to() {
    let (_listener, addr) = Korinet::listen(&["--reply", "{}"]);
    let (code, out, _) = Korinet::start(&["ping", &addr, "-c", "300", "-i", "0s"]).end();
    assert_eq!((code, out.len()), (0, 301));
}

#[cfg(unix)]
#[test]
fn an_interrupted_ping_still_sums_up() {
    let (_listener, addr) = Korinet::listen(&[]);
    let ping = Korinet::start(&["ping", &addr, "-i", "1h"]);
    assert!(ping.out_line().starts_with("1: acknowledged in "));
    ping.signal("INT");
    let (code, out, _) = ping.end();
    assert_eq!(code, 130);
    assert!(
        out[0].starts_with("1 acknowledged, min/median/p99 = "),
        "{out:?}"
    );
}
