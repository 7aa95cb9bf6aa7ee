use korinet::minicbor::data::Int;

use super::*;

#[track_caller]
fn shows(value: Value, json: &str) {
    assert_eq!(serde_json::to_string(&Json(&value)).unwrap(), json);
}

fn tag(number: u64, content: Value) -> Value {
    Value::Tag(number, Box::new(content))
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

#[test]
fn scalars_follow_section_6_1() {
    shows(Value::from(u64::MAX), "18446744073709551615");
    let least = Int::try_from(-(1_i128 << 64)).unwrap();
    shows(Value::Integer(least), "-18446744073709551616");
    shows(Value::from("q\"\u{1}ü"), "\"q\\\"\\u0001ü\"");
    shows(Value::Bool(true), "true");
    shows(Value::Float(1.5), "1.5");
    for null in [
        Value::Null,
        Value::Undefined,
        Value::Simple(99),
        Value::Float(f64::NAN),
        Value::Float(f64::NEG_INFINITY),
    ] {
        shows(null, "null");
    }
}

#[test]
fn bytes_follow_the_hint_of_the_nearest_tag() {
    shows(bytes(b"\xfb\xff\xfe\x01"), "\"-__-AQ\"");
    shows(tag(21, bytes(b"\xfb\xff\xfe\x01")), "\"-__-AQ\"");
    shows(tag(22, bytes(b"\xfb\xff\xfe\x01")), "\"+//+AQ==\"");
    shows(tag(23, bytes(b"\xfb\xff")), "\"FBFF\"");
    // The hint holds for all that is inside, through other tags, until there is another.
    let inside = Value::Array(vec![
        bytes(b"\x01"),
        tag(99, bytes(b"\x02")),
        tag(21, bytes(b"\x03")),
    ]);
    shows(tag(23, inside), r#"["01","02","Aw"]"#);
}

#[test]
fn big_integers_are_strings_and_other_tags_are_left_out() {
    shows(tag(2, bytes(b"\x01\0\0\0\0\0\0\0\0")), "\"AQAAAAAAAAAA\"");
    shows(tag(3, bytes(b"\x01\0\0\0\0\0\0\0\0")), "\"~AQAAAAAAAAAA\"");
    shows(
        tag(0, Value::from("2013-03-21T20:04:00Z")),
        "\"2013-03-21T20:04:00Z\"",
    );
    // A bignum around what is no bytes is a tag like any other.
    shows(tag(2, Value::from(5)), "5");
}

#[test]
fn every_key_becomes_a_text_of_its_own() {
    let entries = [
        Value::from(1),
        Value::from("1"),
        Value::Null,
        Value::from(vec![1.into(), "a".into()]),
        bytes(b"\x01"),
        Value::from("1"),
    ];
    let map = entries
        .into_iter()
        .zip(10..)
        .map(|(key, n)| (key, Value::from(n)));
    shows(
        Value::Map(map.collect()),
        r##"{"1#2":10,"1":11,"null":12,"[1,\"a\"]":13,"AQ":14,"1#3":15}"##,
    );
}

#[test]
fn json_becomes_cbor_by_section_6_2() {
    let parsed = |text: &str| parse(text.as_bytes()).unwrap();
    assert_eq!(parsed("18446744073709551615"), Value::from(u64::MAX));
    assert_eq!(
        parsed("18446744073709551616"),
        tag(2, bytes(b"\x01\0\0\0\0\0\0\0\0"))
    );
    let least = Int::try_from(-(1_i128 << 64)).unwrap();
    assert_eq!(parsed("-18446744073709551616"), Value::Integer(least));
    assert_eq!(
        parsed("-18446744073709551617"),
        tag(3, bytes(b"\x01\0\0\0\0\0\0\0\0"))
    );
    assert_eq!(parsed("1.0"), Value::Float(1.0));
    assert_eq!(parsed("1e2"), Value::Float(100.0));
    assert_eq!(
        parsed(r#"{"z":[null,true],"a":"ü"}"#),
        Value::Map(vec![
            ("z".into(), Value::Array(vec![Value::Null, true.into()])),
            ("a".into(), "ü".into()),
        ])
    );
}

#[test]
fn what_is_no_json_is_told_with_its_column() {
    let error = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("{\"a\":}"), "expected value at column 6");
    assert_eq!(error("{} {}"), "trailing characters at column 4");
    assert_eq!(
        error("1e400"),
        "number 1e400 is beyond the range of a float at column 1"
    );
    assert_eq!(error("{\"a\":1"), "EOF while parsing an object at column 6");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let error = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error(r#"{"b":[{"a":1,"\u0061":2}]}"#),
        "second value for key \"a\" at column 23"
    );
    assert_eq!(
        error(r#"  {"a":"\ud800"}"#),
        "unexpected end of hex escape at column 15"
    );
    assert_eq!(
        parse(b"[\"\xff\"]").unwrap_err().to_string(),
        "text is not UTF-8 at column 3"
    );
}

#[test]
fn keys_are_never_taken_for_something_else() {
    let key = "$serde_json::private::Number";
    assert_eq!(
        parse(format!("{{\"{key}\":\"12\"}}").as_bytes()),
        Ok(Value::Map(vec![(key.into(), "12".into())]))
    );
}

#[test]
fn nesting_is_limited_as_in_received_messages() {
    let nested = |depth: usize| parse(("[".repeat(depth) + &"]".repeat(depth)).as_bytes());
    assert!(nested(Value::MAX_DEPTH).is_ok());
    assert_eq!(
        nested(Value::MAX_DEPTH + 1).unwrap_err().to_string(),
        "nesting exceeds limit 64 at column 65"
    );
}

#[test]
fn many_equal_keys_take_no_longer_than_as_many_others() {
    let entries = (0..200_000).map(|n: i32| (Value::from(1), Value::from(n)));
    let json = serde_json::to_string(&Json(&Value::Map(entries.collect()))).unwrap();
    assert!(
        json.ends_with("\"1#200000\":199999}"),
        "counted one by one this takes hours"
    );
}

#[test]
fn keys_in_keys_do_not_grow_with_each_level() {
    let mut value = Value::from("\"");
    for _ in 0..Value::MAX_DEPTH {
        value = Value::Map(vec![(value, Value::Null)]);
    }
    let json = serde_json::to_string(&Json(&value)).unwrap();
    assert!(json.len() < 300, "{json}");
    shows(
        Value::Map(vec![(
            Value::Map(vec![(vec![1.into(), 2.into()].into(), 3.into())]),
            4.into(),
        )]),
        r#"{"{\"ggEC\":3}":4}"#,
    );
}
