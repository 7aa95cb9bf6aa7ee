mod appendix_a;

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
