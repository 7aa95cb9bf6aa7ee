use std::io::{Read, Write};

use crate::run::{Korinet, dial};

#[test]
fn many_refusals_are_counted_and_not_told_one_by_one() {
    const PEERS: u64 = 200;
    let (listener, addr) = Korinet::listen(&["--protocol", "v3"]);
    for _ in 0..PEERS {
        let mut stream = dial(&addr);
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        // However the connection ends.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let (mut told, mut left_out) = (0, 0);
    while told + left_out < PEERS {
        let line = listener.err_line();
        match line.strip_suffix(" more refused") {
            Some(count) => left_out += count.parse::<u64>().unwrap(),
            None => {
                assert!(line.contains(" refused: "), "{line}");
                assert!(line.ends_with("the peer seems to speak HTTP"), "{line}");
                told += 1;
            }
        }
    }
    assert_eq!(told + left_out, PEERS);
    assert!(
        told >= 10 && left_out > 0,
        "{told} told, {left_out} left out"
    );
}
