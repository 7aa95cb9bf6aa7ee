//! The examples of RFC 8949, appendix A.

use super::{Value, array, bytes, hex, int, map, tag, unhex};

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
