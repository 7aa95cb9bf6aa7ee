use korinet_tests::reference::{How, converse, converse_and_cut, converse_with_every_pair};

#[test]
fn the_conversation_contains_every_frame() {
    let outcome = converse(&[]).unwrap();
    let expect = [
        "ACK",
        "CLOSE",
        "DATA",
        "GOAWAY",
        "HELLO",
        "HELLO resume",
        "PING",
        "PONG",
        "REJECT",
        "VOLATILE",
        "WELCOME",
        "WELCOME resumed",
    ];
    assert_eq!(outcome.frames.into_iter().collect::<Vec<_>>(), expect);
}

#[test]
fn a_cut_at_any_byte_loses_and_doubles_nothing() {
    let whole = converse(&[]).unwrap();
    let mut count = 0;
    for connection in 0..whole.connections.len() {
        for cut in whole.cuts(connection, &How::ALL) {
            converse_and_cut(&[cut]).unwrap();
            count += 1;
        }
    }
    let bytes: usize = whole.connections.iter().flatten().sum();
    assert!(bytes > 900, "{bytes} bytes");
    assert_eq!(count, bytes * How::ALL.len());
}

/// In the other ways, `cargo xtask simulate --pairs` does it.
#[test]
fn two_cuts_at_any_bytes_lose_and_double_nothing() {
    let count = converse_with_every_pair(&[How::Fin], &[How::Fin]).unwrap();
    assert!(count > 100_000, "{count} pairs");
}
