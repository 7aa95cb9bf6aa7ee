use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use minicbor::Encoder;
use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

use super::Serde;
use crate::{Message, Value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(u32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Segment(i32, i32),
    Text { at: (i8, i8), text: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Ping,
    Move { x: i64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
    Many(Vec<Self>),
    Named(BTreeMap<String, Self>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    sensor: String,
    celsius: f64,
    note: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, u64>,
}

/// Bytes, as serde has them.
struct Blob<'a>(&'a [u8]);

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// What does not know its length.
struct Unknown(u8);

impl Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        (0..self.0).try_for_each(|number| sequence.serialize_element(&number))?;
        sequence.end()
    }
}

struct UnknownMap(u8);

impl Serialize for UnknownMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        (0..self.0).try_for_each(|number| map.serialize_entry(&number.to_string(), &number))?;
        map.end()
    }
}

/// Says that it has two elements, and gives one.
struct Liar;

impl Serialize for Liar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(2))?;
        sequence.serialize_element(&1)?;
        sequence.end()
    }
}

/// Cannot be serialized.
struct Never;

impl Serialize for Never {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("never"))
    }
}

fn cbor<T: Serialize>(value: T) -> Vec<u8> {
    minicbor::to_vec(Serde(value)).unwrap()
}

fn message(cbor: &[u8]) -> Message {
    Message::volatile(false, Bytes::copy_from_slice(cbor))
}

/// Writes and reads a value, and compares what is on the wire.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, wire: impl Into<Value>) {
    let cbor = cbor(&value);
    assert_eq!(Value::from_cbor(&cbor).unwrap(), wire.into());
    assert_eq!(message(&cbor).deserialize::<T>().unwrap(), value);
    assert_eq!(message(&cbor).decode::<Serde<T>>().unwrap().0, value);
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(key, value)| (key.into(), value)).into())
}

fn array<const N: usize>(items: [Value; N]) -> Value {
    Value::Array(items.into())
}

fn refusal<'b, T: Deserialize<'b> + Debug>(message: &'b Message) -> String {
    message.deserialize::<T>().unwrap_err().to_string()
}

#[test]
fn types_look_on_the_wire_as_the_table_says() {
    check(Unit, array([]));
    check((), array([]));
    check(Newtype(7), 7);
    check((1_u8, "a".to_owned()), array([1.into(), "a".into()]));
    check([1_u8; 2], array([1.into(), 1.into()]));
    check('ß', 0xdf);
    check(Some(1.5_f64), 1.5);
    check(None::<u8>, Value::Null);
    check(BTreeMap::from([(1_u8, true)]), {
        Value::Map(vec![(1.into(), true.into())])
    });
    check(Shape::Point, "Point");
    check(Shape::Circle(0.5), map([("Circle", 0.5.into())]));
    check(
        Shape::Segment(-1, 1),
        map([("Segment", array([(-1).into(), 1.into()]))]),
    );
    let text = Shape::Text {
        at: (0, -128),
        text: String::new(),
    };
    let at = array([0.into(), (-128).into()]);
    let fields = map([("at", at), ("text", "".into())]);
    check(text, map([("Text", fields)]));
    check(Tagged::Ping, map([("type", "ping".into())]));
    check(
        Tagged::Move { x: i64::MIN },
        map([("type", "move".into()), ("x", i64::MIN.into())]),
    );
    let named = Untagged::Named(BTreeMap::from([("n".to_owned(), Untagged::Number(1))]));
    let both = array(["a".into(), map([("n", 1.into())])]);
    check(
        Untagged::Many(vec![Untagged::Text("a".into()), named]),
        both,
    );
    let reading = Reading {
        sensor: "roof".into(),
        celsius: 21.5,
        note: None,
        tags: vec![],
        rest: BTreeMap::from([("n".to_owned(), 1)]),
    };
    let wire = map([
        ("sensor", "roof".into()),
        ("celsius", 21.5.into()),
        ("note", Value::Null),
        ("tags", array([])),
        ("n", 1.into()),
    ]);
    check(reading, wire);
    let bytes = cbor(Blob(b"\0\xff"));
    assert_eq!(bytes, b"\x42\0\xff");
    assert_eq!(message(&bytes).deserialize::<&[u8]>().unwrap(), b"\0\xff");
}

#[test]
fn integers_keep_their_value_up_to_the_extremes_and_are_refused_beyond() {
    check(u64::MAX, u64::MAX);
    check(i64::MIN, i64::MIN);
    check(u128::from(u64::MAX), u64::MAX);
    for number in [u128::MAX, u128::from(u64::MAX) + 1] {
        assert_eq!(
            message(&cbor(number)).deserialize::<u128>().unwrap(),
            number
        );
    }
    for number in [i128::MIN, i128::MAX, -1 - i128::from(u64::MAX)] {
        assert_eq!(
            message(&cbor(number)).deserialize::<i128>().unwrap(),
            number
        );
    }
    let big = message(&cbor(u64::MAX));
    assert!(big.deserialize::<i64>().is_err());
    assert!(big.deserialize::<u32>().is_err());
    assert!(message(&cbor(-1)).deserialize::<u64>().is_err());
    // A float is no integer, and the other way round.
    assert!(big.deserialize::<f64>().is_err());
    assert!(message(&cbor(1.0)).deserialize::<u8>().is_err());
}

#[test]
fn of_unknown_length_is_indefinite_and_read_the_same() {
    for count in [0, 1, 255] {
        let sequence = cbor(Unknown(count));
        assert_eq!(
            (sequence.first(), sequence.last()),
            (Some(&0x9f), Some(&0xff))
        );
        let numbers: Vec<u8> = (0..count).collect();
        assert_eq!(
            message(&sequence).deserialize::<Vec<u8>>().unwrap(),
            numbers
        );
        let entries = cbor(UnknownMap(count));
        assert_eq!(
            (entries.first(), entries.last()),
            (Some(&0xbf), Some(&0xff))
        );
        let read: BTreeMap<String, u8> = message(&entries).deserialize().unwrap();
        assert_eq!(read.len(), usize::from(count));
    }
}

#[test]
fn text_and_bytes_are_borrowed_from_the_message() {
    #[derive(Debug, Deserialize)]
    struct Borrowed<'a> {
        text: &'a str,
    }
    let message = message(&cbor(BTreeMap::from([("text", "here")])));
    let borrowed: Borrowed<'_> = message.deserialize().unwrap();
    assert_eq!(borrowed.text, "here");
    assert!(
        message
            .data()
            .as_ptr_range()
            .contains(&borrowed.text.as_ptr())
    );
}

#[test]
fn what_is_of_another_type_is_refused() {
    let text = message(&cbor("text"));
    assert!(refusal::<u8>(&text).contains("unexpected type string"));
    assert!(refusal::<Reading>(&text).contains("unexpected type string"));
    let missing = message(&cbor(BTreeMap::from([("sensor", "roof")])));
    assert!(refusal::<Reading>(&missing).contains("missing field `celsius`"));
    let variant = message(&cbor("Square"));
    assert!(refusal::<Shape>(&variant).contains("unknown variant `Square`"));
    let raw = Message::volatile(true, Bytes::from_static(b"\x01"));
    assert!(refusal::<u8>(&raw).contains("raw bytes"));
    let two = message(b"\x01\x01");
    assert!(refusal::<u8>(&two).contains("1 bytes follow"));
    // Beyond what serde knows.
    for odd in [&b"\xf7"[..], b"\xc1\x01", b"\xe0"] {
        assert!(message(odd).deserialize::<Untagged>().is_err(), "{odd:?}");
        message(odd).deserialize::<IgnoredAny>().unwrap();
    }
}

#[test]
fn a_variant_with_more_or_less_than_it_has_is_refused() {
    let with_content = cbor(BTreeMap::from([("Point", 5)]));
    assert!(refusal::<Shape>(&message(&with_content)).contains("1 bytes of the item are left"));
    assert!(message(&cbor("Circle")).deserialize::<Shape>().is_err());
    // The name alone, before what would fit for its content.
    let name_and_more = cbor(("Circle", 0.5));
    assert!(message(&name_and_more).deserialize::<Vec<Shape>>().is_err());
    let two_entries = cbor(BTreeMap::from([("Circle", 0.5), ("Point", 0.5)]));
    assert!(refusal::<Shape>(&message(&two_entries)).contains("invalid enum map length"));
}

#[test]
fn what_is_nested_too_deep_reaches_no_recursion() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Nested(Vec<Self>);
    let deep = |levels: usize| [&vec![0x81; levels - 1][..], &[0x80]].concat();
    let most = message(&deep(Value::MAX_DEPTH));
    most.deserialize::<Nested>().unwrap();
    let bomb = message(&deep(1_000_000));
    assert!(refusal::<Nested>(&bomb).contains("nesting exceeds limit 64"));
    assert!(refusal::<IgnoredAny>(&bomb).contains("nesting exceeds limit 64"));
    // Also where nobody has looked at it before.
    let error = minicbor::decode::<Serde<Nested>>(bomb.data()).unwrap_err();
    assert!(
        error.to_string().contains("nesting exceeds limit 64"),
        "{error}"
    );
}

#[test]
fn a_declared_length_takes_no_memory() {
    for bytes in [
        &b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x01"[..],
        b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x01",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
    ] {
        assert!(minicbor::decode::<Serde<Vec<u64>>>(bytes).is_err());
        assert!(minicbor::decode::<Serde<Untagged>>(bytes).is_err());
        assert!(message(bytes).deserialize::<BTreeMap<u8, u8>>().is_err());
    }
}

#[test]
fn it_stands_within_other_items() {
    let pair = minicbor::to_vec((1, Serde(Shape::Point), 2)).unwrap();
    let read: (u8, Serde<Shape>, u8) = minicbor::decode(&pair).unwrap();
    assert_eq!(read, (1, Serde(Shape::Point), 2));
}

#[test]
fn what_cannot_be_written_is_told() {
    let error = minicbor::to_vec(Serde(Never)).unwrap_err().to_string();
    assert!(error.contains("never"), "{error}");
    let mut small = [0; 2];
    let mut encoder = Encoder::new(&mut small[..]);
    let error = encoder.encode(Serde("longer")).unwrap_err();
    assert!(error.is_write(), "{error}");
    // It is no item that is sent then: see `Sender::send`.
    let cut = minicbor::to_vec(Serde(Liar)).unwrap();
    assert!(Value::from_cbor(&cut).is_err());
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Point),
        (-1e300..1e300).prop_map(Shape::Circle),
        any::<(i32, i32)>().prop_map(|(from, to)| Shape::Segment(from, to)),
        any::<((i8, i8), String)>().prop_map(|(at, text)| Shape::Text { at, text }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        shapes in prop::collection::vec(any_shape(), 0..8),
        rest in prop::collection::btree_map("[a-b]{1,3}", any::<u64>(), 0..4),
        note: Option<String>,
        tags: Vec<String>,
    ) {
        let reading = Reading { sensor: "s".into(), celsius: 0.1, note, tags, rest };
        let all = (shapes, reading);
        let cbor = cbor(&all);
        prop_assert_eq!(message(&cbor).deserialize::<(Vec<Shape>, Reading)>().unwrap(), all);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let message = message(&bytes);
        let _ = message.deserialize::<Vec<Shape>>();
        let _ = message.deserialize::<Reading>();
        let _ = message.deserialize::<Untagged>();
        let _ = message.deserialize::<Tagged>();
        let _ = message.deserialize::<IgnoredAny>();
    }

    /// One byte of a real message is another.
    #[test]
    fn a_changed_byte_is_read_or_refused(shapes in prop::collection::vec(any_shape(), 1..4), at: usize, byte: u8) {
        let mut cbor = cbor(&shapes);
        let len = cbor.len();
        cbor[at % len] = byte;
        let _ = message(&cbor).deserialize::<Vec<Shape>>();
        let _ = message(&cbor).deserialize::<Untagged>();
    }
}
