use super::*;

/// The memory behind a payload that nothing else holds.
fn memory(payload: Bytes) -> usize {
    payload.try_into_mut().unwrap().capacity()
}

fn data(seq: u64, payload: &[u8]) -> Vec<u8> {
    encoded(&Frame::Data(Data {
        seq: Seq::new(seq).unwrap(),
        kind: Kind::RAW,
        re: None,
        payload,
        digest: None,
    }))
}

/// A frame of a type that is skipped.
fn skipped(len: usize) -> Vec<u8> {
    let body = [
        &[0x82, 0x18, 0x80, 0x59][..],
        &u16::try_from(len).unwrap().to_be_bytes(),
    ]
    .concat();
    let len = body.len() + len;
    let mut frame = u32::try_from(len).unwrap().to_be_bytes().to_vec();
    frame.extend(body);
    frame.resize(4 + len, 0);
    frame
}

#[test]
fn a_small_message_does_not_keep_what_was_read_with_it() {
    let mut side = Side::plain();
    let junk = (0..4).flat_map(|_| skipped(15_000));
    let input: Vec<u8> = data(1, b"a").into_iter().chain(junk).collect();
    side.read(&input);
    let message = side.windows.receive.recv().unwrap();
    assert_eq!(&message.payload[..], b"a");
    assert!(memory(message.payload) < 1000);
}

#[test]
fn nor_does_it_keep_the_beginning_of_a_large_one() {
    let mut side = Side::plain();
    let mut input = data(1, b"a");
    let begun = skipped(16_000);
    input.extend(&begun[..15_000]);
    side.read(&input);
    let message = side.windows.receive.recv().unwrap();
    assert!(memory(message.payload) < 1000);
}

#[test]
fn a_volatile_payload_does_not_either() {
    let mut side = Side::plain();
    let frame = Frame::Volatile(wire::Volatile {
        raw: true,
        payload: b"a",
    });
    let input = [encoded(&frame), skipped(15_000)].concat();
    side.read(&input);
    let volatile = side.windows.receive.recv_volatile().unwrap();
    assert_eq!(&volatile.payload[..], b"a");
    assert!(memory(volatile.payload) < 1000);
}

#[test]
fn a_small_message_does_not_keep_a_volatile_payload_that_is_dropped() {
    let limits = Limits {
        messages: 4,
        bytes: 16_000,
        message: 16_000,
    };
    let mut side = Side::new(limits, Level::Received, false, Duration::ZERO);
    let volatile = wire::Volatile {
        raw: true,
        payload: &[7; 15_000],
    };
    side.read(&[data(1, b"a"), encoded(&Frame::Volatile(volatile))].concat());
    drop(side.windows.receive.recv_volatile().unwrap());
    let message = side.windows.receive.recv().unwrap();
    assert_eq!(&message.payload[..], b"a");
    assert!(memory(message.payload) < 1000);
}

/// What is mostly payload is not copied.
#[test]
fn messages_share_the_memory_that_they_came_in() {
    let limits = Limits {
        messages: 100,
        bytes: 100_000,
        message: 1000,
    };
    let mut side = Side::new(limits, Level::Received, false, Duration::ZERO);
    let input: Vec<u8> = (1..=20).flat_map(|seq| data(seq, &[7; 900])).collect();
    side.read(&input);
    let first = side.windows.receive.recv().unwrap().payload;
    let second = side.windows.receive.recv().unwrap().payload;
    let distance = second.as_ptr() as usize - first.as_ptr() as usize;
    assert_eq!(distance, data(2, &[7; 900]).len());
}
