//! Bytes to frames and back, and the look at a payload before it is decoded.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use korinet::minicbor::bytes::ByteVec;
use korinet::minicbor::{self, Decode, Encode};
use korinet_wire::cbor::item_len;
use korinet_wire::v3::{Ack, Data, Digest, Frame, Kind, PREFIX_LEN, Seq};

use crate::SIZES;

#[derive(Encode, Decode)]
struct Reading {
    #[n(0)]
    number: u64,
    #[n(1)]
    data: ByteVec,
}

fn frame(payload: &[u8]) -> Data<'_> {
    Data {
        seq: Seq::new(70_000).unwrap(),
        kind: Kind::RAW,
        payload,
        re: None,
        digest: Some(Digest::ZERO),
    }
}

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes).unwrap();
    bytes
}

#[divan::bench(args = SIZES)]
fn encode_data(bencher: Bencher<'_, '_>, size: usize) {
    let payload = vec![7; size];
    let mut room = vec![0; size + 64];
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        let data = frame(black_box(&payload));
        data.placed().write(black_box(&mut room))
    });
}

#[divan::bench(args = SIZES)]
fn decode_data(bencher: Bencher<'_, '_>, size: usize) {
    let bytes = encoded(&Frame::Data(frame(&vec![7; size])));
    let body = bytes.get(PREFIX_LEN..).unwrap();
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| black_box(Data::plain(black_box(body))).is_some());
}

#[divan::bench]
fn decode_ack(bencher: Bencher<'_, '_>) {
    let bytes = encoded(&Frame::Ack(Ack {
        next: Seq::new(70_000).unwrap(),
        digest: Some(Digest::ZERO),
    }));
    let body = bytes.get(PREFIX_LEN..).unwrap();
    bencher.bench_local(|| black_box(Frame::decode_body(black_box(body))).is_ok());
}

/// A message of two fields, as `minicbor` encodes it on its own.
#[divan::bench(args = SIZES)]
fn minicbor_encode(bencher: Bencher<'_, '_>, size: usize) {
    let reading = Reading {
        number: 70_000,
        data: ByteVec::from(vec![7; size]),
    };
    let mut bytes = Vec::with_capacity(size + 64);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        bytes.clear();
        minicbor::encode(black_box(&reading), &mut bytes).unwrap();
    });
}

#[divan::bench(args = SIZES)]
fn minicbor_decode(bencher: Bencher<'_, '_>, size: usize) {
    let reading = Reading {
        number: 70_000,
        data: ByteVec::from(vec![7; size]),
    };
    let bytes = minicbor::to_vec(&reading).unwrap();
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        let reading: Reading = minicbor::decode(black_box(&bytes)).unwrap();
        (reading.number, reading.data)
    });
}

/// Payloads of the same values in different forms, and how they are called.
const SHAPES: [(&str, &[u8]); 3] = [
    (
        "flat",
        b"\x85\x1a\x00\x01\x11\x70\x46sensor\xfb\x40\x35\x80\0\0\0\0\0\x64roof\xf5",
    ),
    (
        "nested",
        b"\x82\xa2\x61a\x82\x01\x02\x61b\xa1\x61c\x82\x03\x81\x04\x82\xa1\x61d\x05\x81\xf5",
    ),
    (
        "indefinite",
        b"\x9f\x1a\x00\x01\x11\x70\x46sensor\xbf\x61a\x01\xff\x64roof\xf5\xff",
    ),
];

/// Where an item ends, and whether it is well-formed: what each payload goes through before it is decoded.
#[divan::bench(args = SHAPES.map(|(name, _)| name))]
fn check_payload(bencher: Bencher<'_, '_>, shape: &str) {
    let (_, item) = SHAPES.iter().find(|(name, _)| *name == shape).unwrap();
    assert_eq!(item_len(item, 63), Ok(item.len()));
    bencher
        .counter(BytesCount::new(item.len()))
        .bench_local(|| item_len(black_box(item), 63));
}
