use minicbor::data::Int;
use proptest::prelude::*;

use super::{Value, ValueError};

fn int(number: i128) -> Value {
    Value::Integer(Int::try_from(number).unwrap())
}

fn tag(number: u64, content: impl Into<Value>) -> Value {
    Value::Tag(number, Box::new(content.into()))
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

fn array(items: impl IntoIterator<Item = i32>) -> Value {
    Value::Array(items.into_iter().map(Value::from).collect())
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Map(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

/// The examples of RFC 8949, appendix A, that are in preferred serialization.
fn preferred_examples() -> Vec<(&'static str, Value)> {
    let letters = ["a", "b", "c", "d", "e"].map(|letter| (letter, letter.to_uppercase().into()));
    let long = "98190102030405060708090a0b0c0d0e0f101112131415161718181819";
    vec![
        ("00", int(0)),
        ("01", int(1)),
        ("0a", int(10)),
        ("17", int(23)),
        ("1818", int(24)),
        ("1819", int(25)),
        ("1864", int(100)),
        ("1903e8", int(1000)),
        ("1a000f4240", int(1_000_000)),
        ("1b000000e8d4a51000", int(1_000_000_000_000)),
        ("1bffffffffffffffff", int(18_446_744_073_709_551_615)),
        (
            "c249010000000000000000",
            tag(2, bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0])),
        ),
        ("3bffffffffffffffff", int(-18_446_744_073_709_551_616)),
        (
            "c349010000000000000000",
            tag(3, bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0])),
        ),
        ("20", int(-1)),
        ("29", int(-10)),
        ("3863", int(-100)),
        ("3903e7", int(-1000)),
        ("f90000", 0.0.into()),
        ("f98000", (-0.0).into()),
        ("f93c00", 1.0.into()),
        ("fb3ff199999999999a", 1.1.into()),
        ("f93e00", 1.5.into()),
        ("f97bff", 65504.0.into()),
        ("fa47c35000", 100_000.0.into()),
        ("fa7f7fffff", 3.402_823_466_385_288_6e38.into()),
        ("fb7e37e43c8800759c", 1.0e300.into()),
        ("f90001", 5.960_464_477_539_063e-8.into()),
        ("f90400", 0.000_061_035_156_25.into()),
        ("f9c400", (-4.0).into()),
        ("fbc010666666666666", (-4.1).into()),
        ("f97c00", f64::INFINITY.into()),
        ("f9fc00", f64::NEG_INFINITY.into()),
        ("f4", false.into()),
        ("f5", true.into()),
        ("f6", Value::Null),
        ("f7", Value::Undefined),
        ("f0", Value::Simple(16)),
        ("f8ff", Value::Simple(255)),
        (
            "c074323031332d30332d32315432303a30343a30305a",
            tag(0, "2013-03-21T20:04:00Z"),
        ),
        ("c11a514b67b0", tag(1, 1_363_896_240)),
        ("c1fb41d452d9ec200000", tag(1, 1_363_896_240.5)),
        ("d74401020304", tag(23, bytes(&[1, 2, 3, 4]))),
        ("d818456449455446", tag(24, bytes(b"dIETF"))),
        (
            "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
            tag(32, "http://www.example.com"),
        ),
        ("40", bytes(&[])),
        ("4401020304", bytes(&[1, 2, 3, 4])),
        ("60", "".into()),
        ("6161", "a".into()),
        ("6449455446", "IETF".into()),
        ("62225c", "\"\\".into()),
        ("62c3bc", "\u{fc}".into()),
        ("63e6b0b4", "\u{6c34}".into()),
        ("64f0908591", "\u{10151}".into()),
        ("80", array([])),
        ("83010203", array(1..=3)),
        (
            "8301820203820405",
            vec![1.into(), array(2..=3), array(4..=5)].into(),
        ),
        (long, array(1..=25)),
        ("a0", map([])),
        (
            "a201020304",
            Value::Map(vec![(1.into(), 2.into()), (3.into(), 4.into())]),
        ),
        (
            "a26161016162820203",
            map([("a", 1.into()), ("b", array(2..=3))]),
        ),
        (
            "826161a161626163",
            vec!["a".into(), map([("b", "c".into())])].into(),
        ),
        ("a56161614161626142616361436164614461656145", map(letters)),
    ]
}

#[test]
fn examples_of_the_rfc_in_preferred_form_are_read_and_written_alike() {
    for (hex_text, value) in preferred_examples() {
        assert_eq!(
            Value::from_cbor(&unhex(hex_text)).as_ref(),
            Ok(&value),
            "{hex_text}"
        );
        assert_eq!(hex(&value.to_cbor()), hex_text, "{value:?}");
    }
}

#[test]
fn examples_of_the_rfc_in_other_forms_are_read() {
    let nested = || vec![1.into(), array(2..=3), array(4..=5)].into();
    let examples: Vec<(&str, Value)> = vec![
        ("fa7f800000", f64::INFINITY.into()),
        ("faff800000", f64::NEG_INFINITY.into()),
        ("fb7ff0000000000000", f64::INFINITY.into()),
        ("fbfff0000000000000", f64::NEG_INFINITY.into()),
        ("5f42010243030405ff", bytes(&[1, 2, 3, 4, 5])),
        ("7f657374726561646d696e67ff", "streaming".into()),
        ("9fff", array([])),
        ("9f018202039f0405ffff", nested()),
        ("9f01820203820405ff", nested()),
        ("83018202039f0405ff", nested()),
        ("83019f0203ff820405", nested()),
        (
            "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
            array(1..=25),
        ),
        (
            "bf61610161629f0203ffff",
            map([("a", 1.into()), ("b", array(2..=3))]),
        ),
        (
            "826161bf61626163ff",
            vec!["a".into(), map([("b", "c".into())])].into(),
        ),
        (
            "bf6346756ef563416d7421ff",
            map([("Fun", true.into()), ("Amt", int(-2))]),
        ),
    ];
    for (hex_text, value) in examples {
        assert_eq!(
            Value::from_cbor(&unhex(hex_text)).as_ref(),
            Ok(&value),
            "{hex_text}"
        );
    }
}

#[test]
fn nan_of_any_width_is_written_in_its_shortest_form() {
    for hex_text in ["f97e00", "fa7fc00000", "fb7ff8000000000000"] {
        let value = Value::from_cbor(&unhex(hex_text)).unwrap();
        assert!(value.as_f64().unwrap().is_nan());
        assert_eq!(hex(&value.to_cbor()), "f97e00");
    }
}

#[test]
fn repeated_keys_and_keys_that_are_no_text_are_kept() {
    let cbor = unhex("a4616101616102f60380f5");
    let value = Value::from_cbor(&cbor).unwrap();
    assert_eq!(value.as_map().unwrap().len(), 4);
    assert_eq!(value.to_cbor(), cbor);
    assert_eq!(
        value.get("a").and_then(Value::as_u64),
        Some(2),
        "the last one counts"
    );
}

#[test]
fn what_is_not_well_formed_is_refused_with_its_offset() {
    let end = |offset| ValueError::UnexpectedEnd { offset };
    let malformed = |offset, head| ValueError::Malformed { offset, head };
    let cases = [
        ("", end(0)),
        ("19ff", end(0)),
        ("8201", end(2)),
        ("9b7fffffffffffffff01", end(10)),
        ("5b7fffffffffffffff00", end(0)),
        ("7bffffffffffffffff", end(0)),
        ("bbffffffffffffffff01", end(10)),
        ("bf01ff", malformed(2, 0xff)),
        ("9f01", end(2)),
        ("c1", end(1)),
        ("1c", malformed(0, 0x1c)),
        ("811f", malformed(1, 0x1f)),
        ("fe", malformed(0, 0xfe)),
        ("ff", malformed(0, 0xff)),
        ("81ff", malformed(1, 0xff)),
        ("f814", malformed(0, 0xf8)),
        ("f81f", malformed(0, 0xf8)),
        ("5f6161ff", malformed(0, 0x5f)),
        ("5f5f4100ffff", malformed(0, 0x5f)),
        ("8161ff", ValueError::InvalidUtf8 { offset: 1 }),
        ("7f61c361bcff", ValueError::InvalidUtf8 { offset: 0 }),
        (
            "0102",
            ValueError::TrailingBytes {
                offset: 1,
                count: 1,
            },
        ),
    ];
    for (hex_text, error) in cases {
        assert_eq!(Value::from_cbor(&unhex(hex_text)), Err(error), "{hex_text}");
    }
}

#[test]
fn nesting_is_limited_for_arrays_maps_and_tags() {
    let limit = Value::MAX_DEPTH;
    for level in ["81", "9f", "c1", "a100"] {
        let nested = |depth: usize| {
            unhex(
                &(level.repeat(depth) + "00" + &"ff".repeat(if level == "9f" { depth } else { 0 })),
            )
        };
        assert!(Value::from_cbor(&nested(limit - 1)).is_ok());
        assert!(Value::from_cbor(&nested(limit)).is_ok());
        let offset = limit * level.len() / 2;
        assert_eq!(
            Value::from_cbor(&nested(limit + 1)),
            Err(ValueError::TooDeep { offset, limit })
        );
        assert!(Value::from_cbor(&unhex(&level.repeat(250_000))).is_err());
    }
}

#[test]
fn simple_values_put_in_by_hand_are_written_well_formed() {
    let written: Vec<_> = [19, 20, 21, 22, 23, 24, 31, 32]
        .map(|number| hex(&Value::Simple(number).to_cbor()))
        .into();
    assert_eq!(written, ["f3", "f4", "f5", "f6", "f7", "f7", "f7", "f820"]);
}

#[test]
fn a_value_is_decoded_inside_of_other_types_and_keeps_the_kind_of_error() {
    let pair: (Value, u8) = minicbor::decode(&unhex("82f93e0007")).unwrap();
    assert_eq!(pair, (1.5.into(), 7));
    let error = minicbor::decode::<(Value, u8)>(&unhex("828207")).unwrap_err();
    assert!(error.is_end_of_input());
    let error = minicbor::decode::<(Value, u8)>(&unhex("82f81407")).unwrap_err();
    assert_eq!(error.position(), Some(1));
}

#[test]
fn accessors_answer_only_for_their_own_type() {
    assert_eq!(Value::from("a").as_str(), Some("a"));
    assert_eq!(int(-1).as_i64(), Some(-1));
    assert_eq!(int(-1).as_u64(), None);
    assert_eq!(Value::from(u64::MAX).as_i64(), None);
    assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!(int(1).as_f64(), None);
    assert_eq!(Value::from(1.5).as_f64(), Some(1.5));
    assert_eq!(Value::from(true).as_bool(), Some(true));
    assert_eq!(bytes(b"a").as_bytes(), Some(&b"a"[..]));
    assert_eq!(array([1]).as_array().map(<[Value]>::len), Some(1));
    assert_eq!(array([1]).get("a"), None);
    assert_eq!(map([("a", Value::Null)]).get("b"), None);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (any::<u64>(), any::<bool>()).prop_map(|(n, negative)| int(if negative {
            -1 - i128::from(n)
        } else {
            n.into()
        })),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        any::<String>().prop_map(Value::Text),
        prop_oneof![0..20u8, 32..=255u8].prop_map(Value::Simple),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        Just(Value::Undefined),
        any::<f64>().prop_map(Value::Float),
        any::<f32>().prop_map(|number| Value::Float(number.into())),
        any::<i16>().prop_map(|number| Value::Float(number.into())),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner.clone()), 0..8).prop_map(Value::Map),
            (any::<u64>(), inner).prop_map(|(number, content)| tag(number, content)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(value in any_value()) {
        let cbor = value.to_cbor();
        let again = Value::from_cbor(&cbor).unwrap();
        // By their debug text, because NaN is in there and equals nothing.
        prop_assert_eq!(format!("{again:?}"), format!("{value:?}"));
        prop_assert_eq!(again.to_cbor(), cbor);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(cbor in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = Value::from_cbor(&cbor) {
            let preferred = value.to_cbor();
            prop_assert!(preferred.len() <= cbor.len());
            prop_assert_eq!(Value::from_cbor(&preferred).unwrap().to_cbor(), preferred);
        }
    }
}
