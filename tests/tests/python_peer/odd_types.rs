//! Every kind of data that CBOR has, both ways between all peers.

use korinet::minicbor::data::Int;
use korinet::raw::Raw;
use korinet::{Message, Value};
use korinet_tests::{python, within};
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};

use super::{accept, python_client, python_listener, recv, rust_client, rust_server};

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(key, value)| (key.into(), value)).into())
}

fn array<const N: usize>(items: [impl Into<Value>; N]) -> Value {
    Value::Array(items.map(Into::into).into())
}

fn tag(number: u64, content: impl Into<Value>) -> Value {
    Value::Tag(number, Box::new(content.into()))
}

fn integers<const N: usize>(integers: [i128; N]) -> Value {
    let integer = |integer| Value::Integer(Int::try_from(integer).expect("65 bits hold it"));
    Value::Array(integers.map(integer).into())
}

/// 64 at the 8th byte of 9: 2^70.
const TWO_TO_70: [u8; 9] = [64, 0, 0, 0, 0, 0, 0, 0, 0];

/// The messages of `python/cases.py`, under the same names.
fn cases() -> Vec<(&'static str, Value)> {
    let two_to_64 = [1, 0, 0, 0, 0, 0, 0, 0, 0];
    let two_to_70_less_1 = [63, 255, 255, 255, 255, 255, 255, 255, 255];
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    let nested = (1..60).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]));
    let all_bytes: Vec<u8> = (0..=255).collect();
    let floats = [
        0.0,
        -0.0,
        1.5,
        0.1,
        1e300,
        5e-324,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let uuid = [
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        0xff,
    ];
    vec![
        ("empty", map([])),
        (
            "integers",
            map([
                (
                    "small",
                    integers([
                        0,
                        23,
                        24,
                        255,
                        256,
                        65535,
                        65536,
                        (1 << 32) - 1,
                        1 << 32,
                        (1 << 64) - 1,
                    ]),
                ),
                (
                    "negative",
                    integers([
                        -1,
                        -24,
                        -25,
                        -256,
                        -257,
                        -(1 << 63),
                        -(1 << 63) - 1,
                        -(1 << 64),
                    ]),
                ),
            ]),
        ),
        (
            "big integers",
            map([(
                "big",
                array([
                    tag(2, bytes(&two_to_64)),
                    tag(2, bytes(&TWO_TO_70)),
                    tag(3, bytes(&two_to_64)),
                    tag(3, bytes(&two_to_70_less_1)),
                ]),
            )]),
        ),
        ("floats", map([("floats", array(floats))])),
        (
            "simple values",
            map([(
                "simple",
                array([
                    Value::Null,
                    true.into(),
                    false.into(),
                    Value::Undefined,
                    Value::Simple(99),
                ]),
            )]),
        ),
        (
            "bytes",
            map([("bytes", array([bytes(b""), bytes(&all_bytes)]))]),
        ),
        (
            "text",
            map([
                (
                    "text",
                    array(["", "\0", "ünïcödé", "漢字", "🎵", "\u{10ffff}"]),
                ),
                ("ключ", "значение".into()),
            ]),
        ),
        (
            "nested",
            map([
                ("nested", nested),
                ("maps", map([("a", map([("b", map([("c", map([]))]))]))])),
            ]),
        ),
        (
            "keys",
            Value::Map(vec![
                ((-1).into(), "integer".into()),
                (1.5.into(), "float".into()),
                (bytes(b"k"), "bytes".into()),
                (Value::Null, "null".into()),
                (array([Value::from(1), "a".into()]), "array".into()),
                ("t".into(), "text".into()),
            ]),
        ),
        (
            "tags",
            map([
                ("datetime", tag(0, "2024-02-29T12:30:45.500000Z")),
                ("decimal", tag(4, array([-2, -125]))),
                ("fraction", tag(30, array([1, 3]))),
                ("uuid", tag(37, bytes(&uuid))),
                ("set", tag(258, array([7]))),
                ("unknown", tag(4711, "x")),
            ]),
        ),
        ("own id", map([("id", "mine".into()), ("n", 1.into())])),
        (
            "own id of another type",
            map([("n", 1.into()), ("id", array([1, 2]))]),
        ),
    ]
}

/// The bytes are compared and not the values, because NaN is not equal to itself.
fn assert_same(name: &str, message: &Message, expected: &Value) {
    let value = message.value().unwrap();
    assert_eq!(value.to_cbor(), expected.to_cbor(), "{name}: {value:?}");
    let id = message.id().unwrap();
    let id = id.as_str().expect("the package's ids are text");
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{name}: {id}"
    );
}

fn assert_no_difference(name: &str, answer: &Json) {
    assert_eq!(answer["difference"], Json::Null, "{name}");
    // Ours, even where the message had one of its own.
    assert_eq!(answer["id"].as_str().map(str::len), Some(32), "{name}");
}

#[tokio::test]
async fn between_a_python_client_and_a_rust_server() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = rust_server().await;
    let mut client = python_client(&python, server.local_addr().unwrap()).await;
    let mut session = accept(&server).await;
    for (name, value) in cases() {
        client.tell(json!({"do": "send_case", "name": name})).await;
        assert_same(name, &recv(&mut session).await, &value);
        assert_eq!(
            client.hear().await.unwrap(),
            json!({"sent": true}),
            "{name}"
        );
        client.tell(json!({"do": "recv_case", "name": name})).await;
        within(name, session.send(&value)).await.unwrap();
        assert_no_difference(name, &client.hear().await.unwrap());
    }
}

#[tokio::test]
async fn between_a_rust_client_and_a_python_server() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut server, addr) = python_listener(&python, "server").await;
    let mut session = rust_client(addr).await;
    server.ask_to("accept").await;
    for (name, value) in cases() {
        server.tell(json!({"do": "recv_case", "name": name})).await;
        within(name, session.send(&value)).await.unwrap();
        assert_no_difference(name, &server.hear().await.unwrap());
        server.tell(json!({"do": "send_case", "name": name})).await;
        assert_same(name, &recv(&mut session).await, &value);
        server.hear().await.unwrap();
    }
}

#[tokio::test]
async fn between_raw_peers() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut peer, addr) = python_listener(&python, "raw").await;
    let mut raw = Raw::new(TcpStream::connect(addr).await.unwrap());
    peer.ask_to("accept").await;
    for (name, value) in cases() {
        within(name, raw.send(&value)).await.unwrap();
        assert_no_difference(
            name,
            &peer.ask(json!({"do": "recv_case", "name": name})).await,
        );
        peer.ask(json!({"do": "send_case", "name": name})).await;
        let message = within(name, raw.recv()).await.unwrap().unwrap();
        assert_same(name, &message, &value);
    }
}

/// Encodings that the package never sends, of the same values.
#[tokio::test]
async fn the_package_takes_other_encodings_of_the_same_values() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut peer = python.start("raw");
    peer.ask(json!({"do": "connect", "port": listener.local_addr().unwrap().port()}))
        .await;
    let mut raw = Raw::new(listener.accept().await.unwrap().0);
    for (name, encoded) in [
        ("empty", &b"\xbf\xff"[..]),
        ("nested", &{
            let arrays = [&b"\x9f".repeat(60)[..], &b"\xff".repeat(60)].concat();
            let maps = b"\xbf\x61a\xbf\x61b\xbf\x7f\x61c\xff\xbf\xff\xff\xff\xff";
            [b"\xbf\x66nested", &arrays[..], b"\x64maps", maps, b"\xff"].concat()
        }),
        (
            "own id",
            b"\xb8\x02\x62id\x64mine\x61n\x1b\0\0\0\0\0\0\0\x01",
        ),
    ] {
        within(name, raw.send(&Encoded(encoded))).await.unwrap();
        assert_no_difference(
            name,
            &peer.ask(json!({"do": "recv_case", "name": name})).await,
        );
    }
}

/// CBOR that is written as it is.
struct Encoded<'a>(&'a [u8]);

impl<C> korinet::minicbor::Encode<C> for Encoded<'_> {
    fn encode<W: korinet::minicbor::encode::Write>(
        &self,
        e: &mut korinet::minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), korinet::minicbor::encode::Error<W::Error>> {
        e.writer_mut()
            .write_all(self.0)
            .map_err(korinet::minicbor::encode::Error::write)
    }
}
