use std::collections::BTreeMap;

use futures_util::{FutureExt, SinkExt, StreamExt, TryStreamExt};
use korinet::{AckLevel, Protocol, RecvError, SendError, Value};
use korinet_tests::{v2_client, within};

use super::{pair, pair_at};

#[tokio::test]
async fn any_value_goes_and_each_is_acknowledged() {
    let (client, mut server, _listening) = pair().await;
    assert_eq!(
        (client.protocol(), server.protocol()),
        (Protocol::V3, Protocol::V3)
    );
    assert_eq!(client.id(), server.id());
    client.send("text").await.unwrap();
    client.send(&[1, 2, 3]).await.unwrap();
    client.send(&BTreeMap::from([("n", 1.5)])).await.unwrap();
    client.send_raw(&b"\xff\x00 no CBOR"[..]).await.unwrap();
    let mut messages = Vec::new();
    for _ in 0..4 {
        messages.push(within("a message", server.recv()).await.unwrap().unwrap());
    }
    assert_eq!(messages[0].decode::<&str>().unwrap(), "text");
    assert_eq!(messages[1].decode::<[u8; 3]>().unwrap(), [1, 2, 3]);
    assert_eq!(
        messages[2]
            .value()
            .unwrap()
            .get("n")
            .and_then(Value::as_f64),
        Some(1.5)
    );
    assert!(messages[3].is_raw());
    assert_eq!(&messages[3].data()[..], b"\xff\x00 no CBOR");
    let seqs: Vec<u64> = messages
        .iter()
        .map(|it| it.number().unwrap().1.get())
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    client.close().await.unwrap();
    assert!(server.recv().await.unwrap().is_none());
}

#[tokio::test]
async fn many_messages_are_under_way_at_once() {
    let (client, mut server, _listening) = pair_at(AckLevel::Processed).await;
    let mut receipts = Vec::new();
    for number in 0..100_u32 {
        receipts.push(client.enqueue(&number).await.unwrap());
    }
    receipts.push(client.try_send(&100_u32).unwrap());
    // None of them is acknowledged before the application is done with it.
    assert_eq!(client.stats().unwrap().unacknowledged, 101);
    let mut received = Vec::new();
    for _ in 0..=100 {
        received.push(within("a message", server.recv()).await.unwrap().unwrap());
    }
    // In any order.
    received
        .iter()
        .rev()
        .for_each(|message| server.done(message));
    for receipt in receipts {
        within("an acknowledgement", receipt).await.unwrap();
    }
    let stats = client.stats().unwrap();
    assert_eq!((stats.sent, stats.settled), (101, 101));
    assert!(stats.round_trip.is_some());
}

#[tokio::test]
async fn many_messages_go_at_once_and_are_looked_at_where_they_are() {
    let (client, mut server, _listening) = pair_at(AckLevel::Processed).await;
    let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let raw = texts.clone();
    let feeding = async {
        client.feed_many(&texts).await.unwrap();
        client.sender().feed_many_raw(&raw).await.unwrap();
        client.flush().await.unwrap();
    };
    let receiving = async {
        let mut count = 0;
        while count < 2000 {
            let batch = within("a batch", server.recv_batch(300)).await.unwrap();
            for message in batch.unwrap().iter() {
                let text = (count % 1000).to_string();
                assert_eq!(message.is_raw(), count >= 1000);
                if message.is_raw() {
                    assert_eq!(message.data(), text.as_bytes());
                } else {
                    assert_eq!(message.decode::<&str>().unwrap(), text);
                }
                assert_eq!(message.number().unwrap().1.get(), count + 1);
                count += 1;
            }
            server.done_batch();
        }
    };
    tokio::join!(feeding, receiving);
    client.close().await.unwrap();
    assert!(server.recv_batch(1).await.unwrap().is_none());
}

#[tokio::test]
async fn messages_come_as_a_type_and_one_that_is_no_such_comes_as_it_is() {
    let (client, mut server, _listening) = pair().await;
    let sending = async {
        for number in 0..1000_u32 {
            if number % 100 == 7 {
                client.feed("no number").await.unwrap();
                client.sender().feed_raw(&[7][..]).await.unwrap();
            }
            client.feed(&number).await.unwrap();
        }
        client.flush().await.unwrap();
    };
    let receiving = async {
        let mut expected = 0..1000_u32;
        let mut others = Vec::new();
        while !expected.is_empty() {
            match within("a number", server.recv_as::<u32>()).await {
                Ok(number) => assert_eq!(number, expected.next()),
                Err(RecvError::Decode { message, source }) => others.push((message, source)),
                Err(error) => panic!("{error}"),
            }
        }
        others
    };
    let ((), others) = tokio::join!(sending, receiving);
    assert_eq!(others.len(), 20);
    for pair in others.chunks(2) {
        let [(text, _), (raw, why)] = pair else {
            panic!("there are two of them each time")
        };
        assert_eq!(text.decode::<&str>().unwrap(), "no number");
        assert_eq!(&raw.data()[..], [7]);
        assert!(why.to_string().contains("raw bytes"), "{why}");
    }
    client.send("last").await.unwrap();
    client.close().await.unwrap();
    assert_eq!(
        server.recv_as::<String>().await.unwrap().as_deref(),
        Some("last")
    );
    assert_eq!(server.recv_as::<String>().await.unwrap(), None);
}

#[tokio::test]
async fn who_asks_for_the_next_of_a_type_is_done_with_the_one_before() {
    let (mut client, mut server, _listening) = pair_at(AckLevel::Processed).await;
    // Some of them are taken out of the session together.
    client.feed_many(&[1, 2, 3, 4, 5, 6, 7]).await.unwrap();
    for number in 1..=7_u32 {
        let received = within("a number", server.recv_as::<u32>()).await;
        assert_eq!(received.unwrap(), Some(number));
        // An acknowledgement comes before this, if there is one.
        server.feed("a word").await.unwrap();
        within("a word", client.recv_as::<String>()).await.unwrap();
        // The application is at work on this one.
        assert_eq!(client.stats().unwrap().settled, u64::from(number) - 1);
    }
    let last = client.sender().send_raw(&b"no number"[..]);
    let receiving = async {
        assert!(within("bytes", server.recv_as::<u32>()).await.is_err());
        // It is not done even with that before it asks for more.
        assert!(server.recv_as::<u32>().now_or_never().is_none());
    };
    let (sent, ()) = tokio::join!(last, receiving);
    sent.unwrap();
}

#[tokio::test]
async fn messages_of_protocol_v2_come_as_a_type_too() {
    let server = korinet::Server::builder()
        .ack_level(AckLevel::Processed)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = v2_client().connect(addr).await.unwrap();
    let serving = tokio::spawn(async move {
        let mut session = server.accept().await.unwrap();
        let mut count = 0;
        // None would follow if it were not done with the one before.
        while let Some(message) = session.recv_as::<Value>().await.unwrap() {
            count += 1;
            assert_eq!(message, korinet_tests::numbered::message(count));
        }
        count
    });
    for number in 1..=20 {
        let message = korinet_tests::numbered::message(number);
        within("a message", client.feed(&message)).await.unwrap();
    }
    client.close().await.unwrap();
    assert_eq!(within("the server", serving).await.unwrap(), 20);
}

#[tokio::test]
async fn of_many_messages_those_before_a_bad_one_are_sent() {
    struct Odd(bool);
    impl korinet::minicbor::Encode<()> for Odd {
        fn encode<W: korinet::minicbor::encode::Write>(
            &self,
            encoder: &mut korinet::minicbor::Encoder<W>,
            (): &mut (),
        ) -> Result<(), korinet::minicbor::encode::Error<W::Error>> {
            // An array of one item that is not there.
            if self.0 {
                encoder.array(1)?.ok()
            } else {
                encoder.u8(7)?.ok()
            }
        }
    }
    let (client, mut server, _listening) = pair().await;
    let messages = [Odd(false), Odd(true), Odd(false)];
    let error = client.feed_many(&messages).await.unwrap_err();
    assert!(matches!(error, SendError::Message(_)), "{error:?}");
    client.flush().await.unwrap();
    client.send("next").await.unwrap();
    assert_eq!(
        server
            .recv()
            .await
            .unwrap()
            .unwrap()
            .decode::<u8>()
            .unwrap(),
        7
    );
    let next = server.recv().await.unwrap().unwrap();
    assert_eq!(next.decode::<&str>().unwrap(), "next");
}

#[tokio::test]
async fn in_protocol_v2_a_batch_is_one_message() {
    let server = korinet::Server::builder()
        .ack_level(AckLevel::Processed)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = v2_client().connect(addr).await.unwrap();
    let serving = tokio::spawn(async move {
        let mut session = server.accept().await.unwrap();
        let mut received = Vec::new();
        while let Some(batch) = session.recv_batch(10).await.unwrap() {
            assert_eq!(batch.len(), 1);
            received.extend(batch.iter().map(|message| message.value().unwrap()));
            // Without it none would follow.
            session.done_batch();
        }
        received
    });
    let messages: Vec<Value> = (1..=20).map(korinet_tests::numbered::message).collect();
    within("all of it", client.feed_many(&messages))
        .await
        .unwrap();
    client.close().await.unwrap();
    assert_eq!(within("the server", serving).await.unwrap(), messages);
}

#[tokio::test]
async fn a_session_is_a_stream_and_its_sender_makes_a_sink() {
    let (client, server, _listening) = pair().await;
    let mut sink = client.sender().sink::<u32>();
    let numbers: Vec<u32> = (0..10_000).collect();
    let sending = async {
        let mut numbers = futures_util::stream::iter(numbers.clone()).map(Ok);
        sink.send_all(&mut numbers).await.unwrap();
        // Flushed is acknowledged.
        assert_eq!(client.stats().unwrap().settled, 10_000);
        client.close().await.unwrap();
    };
    let receiving = server
        .map_ok(|message| message.decode::<u32>().unwrap())
        .try_collect();
    let (received, ()) = within("all of it", async { tokio::join!(receiving, sending) }).await;
    let received: Vec<u32> = received.unwrap();
    assert_eq!(received, numbers);
}

#[tokio::test]
async fn a_sink_of_protocol_v2_sends_one_after_the_other() {
    let server = korinet::Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = v2_client().connect(addr).await.unwrap();
    let mut sink = client.sender().sink::<Value>();
    let serving = tokio::spawn(async move {
        let session = server.accept().await.unwrap();
        assert_eq!(session.protocol(), Protocol::V2);
        session
            .map_ok(|message| message.value().unwrap())
            .try_collect::<Vec<_>>()
            .await
    });
    let messages: Vec<Value> = (1..=20).map(korinet_tests::numbered::message).collect();
    let mut stream = futures_util::stream::iter(messages.clone()).map(Ok);
    within("all of it", sink.send_all(&mut stream))
        .await
        .unwrap();
    drop(sink);
    client.close().await.unwrap();
    assert_eq!(
        within("the server", serving).await.unwrap().unwrap(),
        messages
    );
}

#[tokio::test]
async fn halves_live_in_different_tasks() {
    let (client, server, _listening) = pair().await;
    let (sender, mut receiver) = client.split();
    let (back, mut there) = server.split();
    let echo = tokio::spawn(async move {
        while let Some(message) = there.recv().await.unwrap() {
            back.send(&message).await.unwrap();
        }
    });
    let reading = tokio::spawn(async move {
        let mut sum = 0;
        for _ in 0..100 {
            let message = receiver.recv().await.unwrap().unwrap();
            sum += message.decode::<u32>().unwrap();
        }
        (sum, receiver)
    });
    let clone = sender.clone();
    for number in 0..100_u32 {
        let sender = if number % 2 == 0 { &sender } else { &clone };
        sender.send(&number).await.unwrap();
    }
    let (sum, _receiver) = within("the answers", reading).await.unwrap();
    assert_eq!(sum, 4950);
    sender.close().await.unwrap();
    within("the echo", echo).await.unwrap();
}

#[tokio::test]
async fn volatile_messages_arrive_beside_the_others() {
    let (client, server, _listening) = pair().await;
    let mut volatile = server.volatile();
    assert!(client.sender().send_volatile("cursor").unwrap());
    assert!(client.sender().send_volatile_raw(b"audio").unwrap());
    let first = within("a volatile message", volatile.recv()).await.unwrap();
    let second = within("a volatile message", volatile.recv()).await.unwrap();
    assert_eq!(first.decode::<&str>().unwrap(), "cursor");
    assert_eq!(&second.data()[..], b"audio");
    assert_eq!((first.number(), second.is_raw()), (None, true));
}

#[tokio::test]
async fn what_v2_cannot_carry_is_refused_by_name() {
    let server = korinet::Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = v2_client().connect(addr).await.unwrap();
    let sender = client.sender();
    let raw = sender.send_raw(&b"x"[..]).await.unwrap_err();
    assert_eq!(
        raw.to_string(),
        "raw bytes need protocol v3, but the peer speaks v2"
    );
    let volatile = sender.send_volatile("x").unwrap_err();
    assert_eq!(
        volatile,
        SendError::NeedsV3 {
            what: "volatile messages"
        }
    );
    let not_map = client.send("x").await.unwrap_err();
    assert_eq!(
        not_map.to_string(),
        "message is a text string, protocol v2 carries only maps"
    );
    assert!(client.events().is_none() && client.stats().is_none());
}

#[tokio::test]
async fn limits_are_exact_and_named() {
    let server = korinet::Server::builder().max_message(1000);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = korinet::Client::connect(addr).await.unwrap();
    for (len, fits) in [(999, true), (1000, true), (1001, false)] {
        let sent = within("the send", client.send_raw(vec![0; len])).await;
        match sent {
            Ok(()) => assert!(fits, "{len}"),
            Err(error) => {
                assert!(!fits, "{len}");
                assert_eq!(
                    error.to_string(),
                    "message has 1001 bytes, the peer takes 1000"
                );
            }
        }
    }
}
