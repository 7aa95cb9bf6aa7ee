//! Either process is killed at some moment, without a chance to say goodbye.

use std::io::{BufRead, BufReader, PipeReader};

use serde_json::Value;

use crate::run::Korinet;

/// So much that neither side can hold all of it.
const LINES: u64 = 400;

/// The moments of the kills, in lines printed: drawn once, at random.
const MOMENTS: [u64; 6] = [1, 3, 11, 58, 131, 202];

struct Line {
    number: u64,
    is_flagged: bool,
}

fn read(line: &str) -> Option<Line> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(Line {
        number: line["data"]["n"].as_u64()?,
        is_flagged: line["redelivered"] == true,
    })
}

type Printed = std::io::Lines<BufReader<PipeReader>>;

fn lines_up_to(number: u64, printed: &mut Printed) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    while lines.last().is_none_or(|line| line.number < number) {
        let line = printed.next().unwrap().unwrap();
        lines.push(read(&line).unwrap());
    }
    lines
}

/// A listener whose output is read only as far as the test wants: it cannot acknowledge more than it could print.
fn listener(addr: &str) -> (Korinet, Printed) {
    let (reader, writer) = std::io::pipe().unwrap();
    let listener = Korinet::start_with(&["listen", addr], writer.into());
    (listener, BufReader::new(reader).lines())
}

fn write_lines(client: &mut Korinet) {
    let text = "x".repeat(2000);
    for n in 1..=LINES {
        client.write(&format!("{{\"n\":{n},\"t\":\"{text}\"}}\n"));
    }
}

/// What one listener printed up to its death is in order without a gap, and flagged if it may have come before;
/// the last number.
fn check(lines: impl Iterator<Item = Line>, before: u64) -> (u64, u64) {
    let (mut expected, mut flagged) = (None, 0);
    for line in lines {
        let Line { number, is_flagged } = line;
        assert!(
            is_flagged || number > before,
            "{number} came again, not flagged"
        );
        assert!(
            number <= expected.unwrap_or(before + 1),
            "a gap before {number}"
        );
        flagged += u64::from(is_flagged);
        expected = Some(number + 1);
    }
    (
        expected.map_or(before, |next| before.max(next - 1)),
        flagged,
    )
}

#[test]
fn what_a_killed_listener_did_not_acknowledge_comes_again_flagged() {
    let (mut server, mut printed) = listener("127.0.0.1:0");
    let addr = server.listening_on();
    let mut client = Korinet::start(&["connect", &addr]);
    let _last = std::thread::scope(|scope| {
        scope.spawn(|| write_lines(&mut client));
        let (mut last, mut flagged) = (0, 0);
        for moment in MOMENTS {
            let mut lines = lines_up_to(moment, &mut printed);
            server.signal("KILL");
            drop(server);
            // A line that was cut off was not printed.
            lines.extend(printed.map_while(Result::ok).filter_map(|line| read(&line)));
            let (reached, again) = check(lines.into_iter(), last);
            last = reached;
            flagged += again;
            (server, printed) = listener(&addr);
            server.err_line_with("connected");
        }
        let (last, again) = check(lines_up_to(LINES, &mut printed).into_iter(), last);
        assert_eq!(last, LINES);
        assert!(flagged + again > 0, "nothing was in doubt at any kill");
        (server, printed)
    });
    let told = client.err_line_with("session lost");
    assert!(told.contains("sent again in it, flagged"), "{told}");
    assert_eq!(client.end().0, 0);
}

#[test]
fn a_killed_client_leaves_what_it_sent_and_no_more() {
    for moment in MOMENTS {
        let (server, mut printed) = listener("127.0.0.1:0");
        let addr = server.listening_on();
        let mut client = Korinet::start(&["connect", &addr]);
        write_lines(&mut client);
        let mut lines = lines_up_to(moment, &mut printed);
        client.signal("KILL");
        drop(client);
        server.signal("INT");
        lines.extend(printed.map_while(Result::ok).filter_map(|line| read(&line)));
        let (_, flagged) = check(lines.into_iter(), 0);
        assert_eq!(flagged, 0);
        assert_eq!(server.end().0, 130);
    }
}
