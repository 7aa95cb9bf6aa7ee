//! Peers of `korinet receive-file` that are not `korinet send-file`.

use std::fs;

use korinet::{Client, Session, SessionError, Value};

use crate::files::{dirs, receiver, send};

/// What comes first, and is answered with the same.
const PURPOSE: &str = "korinet file 1";

async fn connect(addr: &str) -> Session {
    let mut session = Client::connect(addr).await.unwrap();
    session.send(PURPOSE).await.unwrap();
    let answer = session.recv().await.unwrap().unwrap();
    assert_eq!(answer.decode::<&str>().unwrap(), PURPOSE);
    session
}

/// A message: its number among those that there are, and what it holds.
fn words(number: i32, held: Value) -> Value {
    Value::from(vec![number.into(), Value::from(vec![held])])
}

fn offer(name: &str, size: u64) -> Value {
    let fields = vec![
        (0.into(), name.into()),
        (1.into(), size.into()),
        (3.into(), false.into()),
    ];
    words(0, Value::Map(fields))
}

/// The number of the next answer, and what it holds first.
async fn hear(session: &mut Session) -> (u64, Value) {
    let answer = session.recv().await.unwrap().unwrap();
    let answer = answer.value().unwrap();
    let [number, held] = answer.as_array().unwrap() else {
        panic!("{answer:?}");
    };
    let first = held.as_array().unwrap().first().cloned();
    (number.as_u64().unwrap(), first.unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_offer_chooses_a_place_outside_of_the_folder() {
    let (dir, received) = dirs("no_offer_chooses_a_place_outside_of_the_folder");
    let (_receiver, addr) = receiver(&received, &["--force"]);
    let mut session = connect(&addr).await;
    let absolute = dir.path("absolute");
    for name in [
        "../a",
        "..",
        ".",
        "",
        "a/../../a",
        &absolute,
        "a\\b",
        "a\0b",
        "\u{1b}[2Ja",
        ".a",
    ] {
        session.send(&offer(name, 1)).await.unwrap();
        let (number, text) = hear(&mut session).await;
        assert_eq!(number, 2, "{name}");
        let text = text.as_str().unwrap();
        assert!(
            text.starts_with("name \"") && text.contains(" is refused: "),
            "{text}"
        );
    }
    assert_eq!(dir.names(), ["received"]);
    assert_eq!(fs::read_dir(&received).unwrap().count(), 0);
    session.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_it_was_offered_gets_no_place() {
    let (dir, received) = dirs("what_is_not_as_it_was_offered_gets_no_place");
    let (_receiver, addr) = receiver(&received, &[]);
    let mut session = connect(&addr).await;
    let end = || words(2, Value::Bytes(vec![7; 32]));
    // Another digest; fewer bytes; and more, which are told of before they have ended.
    for (bytes, expect) in [
        (&b"hello"[..], "5 of 5 bytes arrived, with SHA-256 2cf24dba"),
        (b"hell", "4 of 5 bytes arrived, with SHA-256 "),
        (b"hello!", "more than the 5 bytes that were offered came"),
    ] {
        session.send(&offer("a", 5)).await.unwrap();
        assert_eq!(hear(&mut session).await, (0, 0_u64.into()));
        session.send(&words(1, 0.into())).await.unwrap();
        session.sender().send_raw(bytes.to_vec()).await.unwrap();
        session.send(&end()).await.unwrap();
        let (number, text) = hear(&mut session).await;
        let text = text.as_str().unwrap();
        assert!(number == 2 && text.starts_with(expect), "{text}");
    }
    assert!(!fs::exists(dir.path("received/a")).unwrap());
    session.close().await.unwrap();
    // Others are served as before.
    let (code, _, err) = send(&addr, &[&dir.write("a", "hello")]);
    assert_eq!(code, 0, "{err:?}");
    assert_eq!(dir.read("received/a"), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_what_does_not_belong_there_is_told_and_ends() {
    let (dir, received) = dirs("who_says_what_does_not_belong_there_is_told_and_ends");
    let (_receiver, addr) = receiver(&received, &[]);
    let deep = (0..60).fold(Value::Null, |value, _| Value::from(vec![value]));
    for message in [
        words(1, 0.into()),
        words(9, 0.into()),
        words(2, Value::Bytes(vec![0; 31])),
        Value::Map(Vec::new()),
        Value::from(vec![0.into(), Value::from(Vec::new())]),
        deep,
    ] {
        let mut session = connect(&addr).await;
        session.send(&message).await.unwrap();
        let error = session.recv().await.unwrap_err();
        let SessionError::EndedByPeer { text, .. } = error else {
            panic!("{error}");
        };
        assert!(text.starts_with("peer says "), "{text}");
    }
    let mut session = connect(&addr).await;
    session.sender().send_raw(vec![0]).await.unwrap();
    assert!(session.recv().await.is_err());
    assert_eq!(send(&addr, &[&dir.write("a", "hello")]).0, 0);
}
