//! Large messages, the limit of the frame, and bytes that arrive one by one.

use korinet::raw::Raw;
use korinet::wire::{DecodeError, DecodeErrorKind};
use korinet::{CodecError, ConnectionError, EncodeError, SendError, SessionError, Value};
use korinet_chaos::{Plan, Proxy};
use korinet_tests::{python, within};
use serde_json::json;
use tokio::net::TcpStream;

use super::{accept, python_client, python_listener, recv, rust_client, rust_server};

/// The largest frame that the package takes, without its length field.
const LIMIT: u32 = 524_288;

/// The frame's body around the content of a large `{"fill": <bytes>}`: the outer map, the keys, their values' heads
/// and the id.
const AROUND: usize = 1 + 5 + (1 + 5 + 5) + 3 + 34;

/// With `LIMIT` bytes of body.
const LARGEST: usize = LIMIT as usize - AROUND;

fn fill(size: usize) -> Value {
    Value::Map(vec![("fill".into(), Value::Bytes(vec![0; size]))])
}

const SIZES: [usize; 2] = [100_000, LARGEST];

#[tokio::test]
async fn between_a_python_client_and_a_rust_server() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = rust_server().await;
    let mut client = python_client(&python, server.local_addr().unwrap()).await;
    let mut session = accept(&server).await;
    for size in SIZES {
        client.tell(json!({"do": "send_fill", "size": size})).await;
        assert_eq!(recv(&mut session).await.value().unwrap(), fill(size));
        client.hear().await.unwrap();
        client.tell(json!({"do": "recv_fill"})).await;
        within("the acknowledgement", session.send(&fill(size)))
            .await
            .unwrap();
        assert_eq!(
            client.hear().await.unwrap(),
            json!({"size": size, "zeros": true})
        );
    }
    let refused = session.send(&fill(LARGEST + 1)).await.unwrap_err();
    let expected = EncodeError::TooLarge {
        len: LARGEST + 1 + AROUND,
        max: LIMIT,
    };
    assert_eq!(refused, SendError::Message(expected));
    assert_eq!(
        refused.to_string(),
        "message needs a frame of 524289 bytes, the limit is 524288"
    );
    // Nothing of it was sent.
    client.tell(json!({"do": "recv_fill"})).await;
    within("the acknowledgement", session.send(&fill(1)))
        .await
        .unwrap();
    assert_eq!(client.hear().await.unwrap()["size"], 1);
}

#[tokio::test]
async fn between_a_rust_client_and_a_python_server() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut server, addr) = python_listener(&python, "server").await;
    let mut session = rust_client(addr).await;
    server.ask_to("accept").await;
    for size in SIZES {
        server.tell(json!({"do": "recv_fill"})).await;
        within("the acknowledgement", session.send(&fill(size)))
            .await
            .unwrap();
        assert_eq!(
            server.hear().await.unwrap(),
            json!({"size": size, "zeros": true})
        );
        server.tell(json!({"do": "send_fill", "size": size})).await;
        assert_eq!(recv(&mut session).await.value().unwrap(), fill(size));
        server.hear().await.unwrap();
    }
}

/// What the limit's error is, apart from the layer that reports it.
fn is_one_byte_more(error: &DecodeError) -> bool {
    let DecodeErrorKind::FrameTooLarge {
        len,
        max,
        looks_like,
    } = error.kind
    else {
        return false;
    };
    len == LIMIT + 1 && max == LIMIT && looks_like.is_none()
}

#[tokio::test]
async fn one_byte_more_is_refused_by_a_rust_session() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = rust_server().await;
    let mut peer = python.start("raw");
    peer.ask(json!({"do": "connect", "port": server.local_addr().unwrap().port()}))
        .await;
    let mut session = accept(&server).await;
    peer.ask(json!({"do": "send_fill", "size": LARGEST})).await;
    assert_eq!(recv(&mut session).await.value().unwrap(), fill(LARGEST));
    // Whether all of it can still be written is not the question.
    peer.tell(json!({"do": "send_fill", "size": LARGEST + 1}))
        .await;
    let error = within("the error", session.recv()).await.unwrap_err();
    assert!(
        matches!(&error, SessionError::ConnectionLost(ConnectionError::Decode(error)) if is_one_byte_more(error)),
        "{error:?}"
    );
    assert_eq!(
        korinet_tests::chain(&error),
        "connection lost: frame length 524289 exceeds limit 524288"
    );
}

#[tokio::test]
async fn one_byte_more_is_refused_by_raw_peers() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut peer, addr) = python_listener(&python, "raw").await;
    let mut raw = Raw::new(TcpStream::connect(addr).await.unwrap());
    peer.ask_to("accept").await;
    peer.ask(json!({"do": "send_fill", "size": LARGEST})).await;
    let message = within("a message", raw.recv()).await.unwrap().unwrap();
    assert_eq!(message.value().unwrap(), fill(LARGEST));
    peer.tell(json!({"do": "send_fill", "size": LARGEST + 1}))
        .await;
    let error = within("the error", raw.recv()).await.unwrap_err();
    assert!(
        matches!(&error, CodecError::Decode(error) if is_one_byte_more(error)),
        "{error:?}"
    );
    drop(raw);

    let (mut peer, addr) = python_listener(&python, "raw").await;
    let stream = TcpStream::connect(addr).await.unwrap();
    let mut raw = Raw::with_max_message(stream, LIMIT as usize + 1).unwrap();
    peer.ask_to("accept").await;
    for (size, fits) in [(LARGEST, true), (LARGEST + 1, false)] {
        peer.tell(json!({"do": "recv_fill"})).await;
        let message = fill(size);
        let (sent, answer) = tokio::join!(raw.send(&message), peer.hear());
        match answer {
            Ok(answer) if fits => assert_eq!(answer["size"], size),
            Err(error) if !fits => assert!(error.starts_with("BlockSizeTooLarge: "), "{error}"),
            other => panic!("{size}: {other:?}, {sent:?}"),
        }
    }
}

#[tokio::test]
async fn bytes_arrive_one_by_one() {
    let Some(python) = python::interpreter() else {
        return;
    };
    const SIZE: usize = 20_000;
    let single = || (0..10).map(|_| Plan::default().in_single_bytes());

    let server = rust_server().await;
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan(single());
    let mut client = python_client(&python, proxy.addr()).await;
    let mut session = accept(&server).await;
    for size in [0, 1, SIZE] {
        client.tell(json!({"do": "send_fill", "size": size})).await;
        assert_eq!(recv(&mut session).await.value().unwrap(), fill(size));
        client.hear().await.unwrap();
        client.tell(json!({"do": "recv_fill"})).await;
        within("the acknowledgement", session.send(&fill(size)))
            .await
            .unwrap();
        assert_eq!(client.hear().await.unwrap()["size"], size);
    }
    assert!(proxy.counts().chunks > 2 * SIZE as u64);

    let (mut server, addr) = python_listener(&python, "server").await;
    let proxy = Proxy::start(addr).await.unwrap();
    proxy.plan(single());
    let mut session = rust_client(proxy.addr()).await;
    server.ask_to("accept").await;
    for size in [0, 1, SIZE] {
        server.tell(json!({"do": "recv_fill"})).await;
        within("the acknowledgement", session.send(&fill(size)))
            .await
            .unwrap();
        assert_eq!(server.hear().await.unwrap()["size"], size);
        server.tell(json!({"do": "send_fill", "size": size})).await;
        assert_eq!(recv(&mut session).await.value().unwrap(), fill(size));
        server.hear().await.unwrap();
    }
    assert!(proxy.counts().chunks > 2 * SIZE as u64);
}
