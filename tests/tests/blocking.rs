//! The facade without async: what a script does, with threads of its own.

#![allow(clippy::print_stdout, reason = "the seed")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::num::NonZeroU64;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use korinet::blocking::{Client, RecvTimeoutError, Server, Session};
use korinet::call::{CallError, Failure, Ran};
use korinet::{BindError, ConnectError, Group, Protocol, RecvError, SendError, State};
use korinet_chaos::{Cut, Faults, Proxy};
use korinet_tests::{chain, v2_client};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn addr(server: &Server) -> String {
    server.local_addr().unwrap().to_string()
}

fn pair() -> (Session, Session, Server) {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let client = Client::connect(addr(&server)).unwrap();
    let session = server.accept().unwrap();
    (client, session, server)
}

fn recv_number(session: &mut Session) -> u64 {
    let message = session.recv_timeout(LONG).unwrap().unwrap();
    message.decode().unwrap()
}

#[test]
fn a_conversation_needs_no_async() {
    let (mut client, mut session, _server) = pair();
    client.send("ping").unwrap();
    client.send_raw(&b"\xff"[..]).unwrap();
    client.feed(&1).unwrap();
    client.sender().feed_raw(&b"\xfe"[..]).unwrap();
    client.flush().unwrap();
    let receipt = client.try_send(&2).unwrap();
    receipt.wait().unwrap();
    client.enqueue(&3).unwrap().wait().unwrap();
    client
        .sender()
        .enqueue_raw(&b"\xfd"[..])
        .unwrap()
        .wait()
        .unwrap();
    let mut messages = Vec::new();
    while messages.len() < 7 {
        session.recv_many(&mut messages, 7).unwrap();
    }
    assert_eq!(messages[0].decode::<&str>().unwrap(), "ping");
    assert!(messages[1].is_raw());

    let mut volatile = client.volatile();
    assert!(session.sender().send_volatile(&4).unwrap());
    assert!(session.sender().send_volatile_raw(b"\xfc").unwrap());
    assert_eq!(volatile.recv().unwrap().decode::<u8>().unwrap(), 4);
    assert!(volatile.recv().unwrap().is_raw());

    assert!(client.try_recv().is_none());
    client.send(&5).unwrap();
    client.send("five").unwrap();
    assert_eq!(session.recv_as::<u8>().unwrap(), Some(5));
    assert!(matches!(
        session.recv_as::<u8>(),
        Err(RecvError::Decode { .. })
    ));
    let timeout = client.recv_timeout(Duration::from_millis(1)).unwrap_err();
    assert_eq!(timeout, RecvTimeoutError::Timeout(Duration::from_millis(1)));
    assert_eq!(timeout.to_string(), "no message came within 1ms");
    session.send("pong").unwrap();
    let pong = client.recv().unwrap().unwrap();
    assert_eq!(pong.decode::<&str>().unwrap(), "pong");

    assert_eq!(client.protocol(), Protocol::V3);
    assert_eq!(client.id(), session.id());
    assert_eq!(client.state(), State::Attached);
    assert_eq!(client.stats().unwrap().received, 1);
    assert!(session.peer_addr().unwrap().ip().is_loopback());
    client.close().unwrap();
    assert!(session.recv().unwrap().is_none());
    assert!(matches!(session.send("late"), Err(SendError::NotSent(_))));
}

#[test]
fn requests_need_no_async() {
    let (client, session, _server) = pair();
    let answering = thread::spawn(move || {
        let mut requests = session.requests();
        for request in &mut requests {
            let mut request = request.unwrap();
            assert!(request.as_async().trace().is_none());
            match request.decode::<&str>().unwrap() {
                "number" => request.respond(&7).unwrap(),
                "bytes" => request.respond_raw(&b"\xff"[..]).unwrap(),
                "no" => request.fail(Failure::refused("not today")).unwrap(),
                "panic" => drop(request),
                "late" => {
                    request.given_up();
                    assert!(request.respond(&()).is_err());
                }
                "double" => {
                    while let Some(item) = request.recv().unwrap() {
                        request.send(&(2 * item.decode::<u64>().unwrap())).unwrap();
                    }
                    request.send_raw(&b"\xfe"[..]).unwrap();
                    request.end().unwrap();
                }
                other => panic!("{other} is asked"),
            }
        }
        assert!(requests.recv().unwrap().is_none());
    });
    assert_eq!(client.request::<_, u64>("number").unwrap(), 7);
    let call = client.call("number").deadline(LONG);
    assert_eq!(call.answer::<u64>().unwrap(), 7);
    let message = client.call("bytes").message().unwrap();
    assert_eq!(message.data(), &b"\xff"[..]);
    let error = client.request::<_, u64>("no").unwrap_err();
    assert_eq!((error.ran(), client.id().is_some()), (Ran::No, true));
    let error = client.request::<_, u64>("panic").unwrap_err();
    assert_eq!(error.ran(), Ran::Maybe);
    let short = Duration::from_millis(1);
    let error = client.call("late").deadline(short).answer::<u64>();
    let error = error.unwrap_err();
    assert!(matches!(error, CallError::Deadline { after, .. } if after == short));

    let mut call = client.call("double").open().unwrap();
    for number in 0..10_u64 {
        call.send(&number).unwrap();
        let doubled = call.recv().unwrap().unwrap();
        assert_eq!(doubled.decode::<u64>().unwrap(), 2 * number);
    }
    call.end().unwrap();
    assert!(call.recv().unwrap().unwrap().is_raw());
    assert!(call.recv().unwrap().is_none());
    assert!(matches!(call.answer(), Err(CallError::Answer(_))));
    client.close().unwrap();
    answering.join().unwrap();
}

#[test]
fn an_end_that_is_none_in_good_order_is_the_last_of_an_iterator() {
    let (client, mut session, _server) = pair();
    client.send(&1).unwrap();
    let code = korinet::wire::v3::Code::NOT_AUTHORIZED;
    client.close_with(code, "not you").unwrap();
    let mut messages = session.iter();
    assert_eq!(messages.next().unwrap().unwrap().decode::<u8>().unwrap(), 1);
    let error = messages.next().unwrap().unwrap_err();
    assert!(error.to_string().contains("not you"), "{error}");
    assert!(messages.next().is_none());
    let error = session.recv_timeout(LONG).unwrap_err();
    assert!(matches!(error, RecvTimeoutError::Session(_)), "{error:?}");
}

#[test]
fn a_session_goes_on_over_broken_connections() {
    const MESSAGES: u64 = 2000;
    // The proxy is async, so it has a runtime of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = Server::bind("127.0.0.1:0").unwrap();
    let seed = 11;
    println!("seed {seed}");
    let faults = Faults::new(seed)
        .cut_at_random(NonZeroU64::new(10_000).unwrap())
        .cut_by(Cut::Reset);
    let proxy = Proxy::bind("127.0.0.1:0", server.local_addr().unwrap(), faults);
    let proxy = runtime.block_on(proxy).unwrap();
    let builder = korinet::Client::builder().backoff(Duration::ZERO, Duration::ZERO);
    let builder = builder.first_connect(korinet::FirstConnect::Retry);
    let mut client = Client::connect_with(&builder, proxy.addr().to_string()).unwrap();
    let mut session = server.accept().unwrap();
    let echo = thread::spawn(move || {
        let sender = session.sender().clone();
        for message in &mut session {
            sender.feed(&message.unwrap()).unwrap();
        }
        session.stats().unwrap()
    });
    let sender = client.sender().clone();
    let sending = thread::spawn(move || {
        for number in 0..MESSAGES {
            sender.feed(&number).unwrap();
        }
        sender.flush().unwrap();
    });
    for number in 0..MESSAGES {
        assert_eq!(recv_number(&mut client), number);
    }
    sending.join().unwrap();
    client.close().unwrap();
    let stats = echo.join().unwrap();
    assert_eq!(stats.received, MESSAGES);
    assert!(stats.connections > 1, "no connection was cut");
}

#[test]
fn threads_share_a_sender() {
    const THREADS: u64 = 4;
    const EACH: u64 = 250;
    let (client, mut session, _server) = pair();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let sender = client.sender().clone();
            thread::spawn(move || {
                for number in 0..EACH {
                    drop(sender.enqueue(&(thread * 1000 + number)).unwrap());
                }
                sender.flush().unwrap();
            })
        })
        .collect();
    let mut next = [0; THREADS as usize];
    for _ in 0..THREADS * EACH {
        let number = recv_number(&mut session);
        let (thread, number) = (usize::try_from(number / 1000).unwrap(), number % 1000);
        assert_eq!(number, next[thread], "of thread {thread}");
        next[thread] += 1;
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(next, [EACH; THREADS as usize]);
}

#[test]
fn halves_live_in_different_threads() {
    let (client, session, _server) = pair();
    let (sender, mut receiver) = client.split();
    let (echo_sender, mut echo_receiver) = session.split();
    let echo = thread::spawn(move || {
        for message in &mut echo_receiver {
            echo_sender.send(&message.unwrap()).unwrap();
        }
    });
    let receiving = thread::spawn(move || {
        let numbers = (0..100).map(|_| receiver.recv().unwrap().unwrap().decode().unwrap());
        numbers.collect::<Vec<u64>>()
    });
    for number in 0..100_u64 {
        sender.send(&number).unwrap();
    }
    assert_eq!(receiving.join().unwrap(), (0..100).collect::<Vec<u64>>());
    sender.close().unwrap();
    echo.join().unwrap();
}

#[test]
fn a_session_that_is_dropped_brings_what_it_accepted() {
    let (client, mut session, server) = pair();
    for number in 0..100_u64 {
        drop(client.enqueue(&number).unwrap());
    }
    drop(client);
    for number in 0..100 {
        assert_eq!(recv_number(&mut session), number);
    }
    assert!(session.recv_timeout(LONG).unwrap().is_none());
    // A server that is dropped leaves sessions alone, and takes no more.
    let addr = addr(&server);
    let client = Client::connect(addr.clone()).unwrap();
    let mut session = server.accept().unwrap();
    drop(server);
    client.send(&1).unwrap();
    assert_eq!(recv_number(&mut session), 1);
    let error = Client::connect(addr.clone()).unwrap_err();
    assert!(chain(&error).contains(&addr), "{}", chain(&error));
}

#[test]
fn a_handler_serves_each_session_in_a_thread() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let addr = addr(&server);
    let (ended, ends) = mpsc::channel();
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            server.serve(|mut session| {
                while let Ok(Some(message)) = session.recv() {
                    assert_ne!(message.decode::<&str>().ok(), Some("panic"));
                    if session.send(&message).is_err() {
                        break;
                    }
                }
                ended.send(()).unwrap();
            });
        });
        let mut clients: Vec<_> = (0..3)
            .map(|_| Client::connect(addr.clone()).unwrap())
            .collect();
        for (number, client) in clients.iter().enumerate() {
            client.send(&number).unwrap();
        }
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(recv_number(client), u64::try_from(number).unwrap());
        }
        // A handler that panics ends its session, and no other.
        let mut unlucky = clients.pop().unwrap();
        unlucky.send("panic").unwrap();
        assert!(unlucky.recv_timeout(LONG).unwrap().is_none());
        clients.pop().unwrap().close().unwrap();
        ends.recv_timeout(LONG).unwrap();
        let mut last = clients.pop().unwrap();
        last.send(&7).unwrap();
        assert_eq!(recv_number(&mut last), 7);
        assert_eq!(server.sessions(), 1);
        assert_eq!(server.shut_down(LONG, None), 0);
        serving.join().unwrap();
        ends.recv_timeout(LONG).unwrap();
        assert!(server.accept().is_none());
    });
}

#[test]
fn it_works_within_a_runtime_too() {
    let current = tokio::runtime::Builder::new_current_thread();
    let multi = tokio::runtime::Builder::new_multi_thread();
    for mut builder in [current, multi] {
        let runtime = builder.enable_all().build().unwrap();
        runtime.block_on(async {
            let conversation = async {
                let (client, mut session, server) = pair();
                // More than a task of tokio may do in one turn.
                for number in 0..1000_u64 {
                    client.feed(&number).unwrap();
                }
                for number in 0..1000 {
                    assert_eq!(recv_number(&mut session), number);
                }
                client.flush().unwrap();
                let timeout = session.recv_timeout(Duration::from_millis(1));
                assert!(matches!(timeout, Err(RecvTimeoutError::Timeout(_))));
                client.close().unwrap();
                server.shut_down(LONG, None);
            };
            tokio::spawn(conversation).await.unwrap();
        });
    }
}

#[test]
fn v2_and_groups_work_as_they_do_with_async() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let mut client = Client::connect_with(&v2_client(), addr(&server)).unwrap();
    client.send(&korinet::Value::Map(vec![])).unwrap();
    let mut session = server.accept().unwrap();
    assert_eq!(session.protocol(), Protocol::V2);
    let message = session.recv_timeout(LONG).unwrap().unwrap();
    session.send(&message).unwrap();
    assert_eq!(client.recv().unwrap().unwrap().data(), message.data());
    client.close().unwrap();

    let mut client = Client::connect(addr(&server)).unwrap();
    let session = server.accept().unwrap();
    let group = Group::new();
    let _member = group.join(session.sender().as_async()).unwrap();
    assert_eq!(group.send(&5).unwrap().accepted, 1);
    assert_eq!(recv_number(&mut client), 5);
}

#[test]
fn what_cannot_be_is_told() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let error = Server::bind(server.local_addr().unwrap()).unwrap_err();
    assert!(matches!(error, BindError::Listen(_)), "{error:?}");
    let error = Server::bind("192.0.2.1:0").unwrap_err();
    assert!(matches!(error, BindError::Exposed { .. }), "{error:?}");
    let error = Client::connect("no port").unwrap_err();
    assert!(
        matches!(error, ConnectError::Connection { .. }),
        "{error:?}"
    );
    let builder = korinet::Client::builder().max_message(1);
    let error = Client::connect_with(&builder, "127.0.0.1:1").unwrap_err();
    assert!(matches!(error, ConnectError::Config(_)), "{error:?}");
}

#[cfg(unix)]
#[test]
fn unix_sockets_do_it_too() {
    let dir = std::env::temp_dir().join(format!("korinet-blocking-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let path = dir.join("socket");
    let server = Server::bind_unix_with(&korinet::Server::builder(), &path).unwrap();
    let client = Client::connect_unix_with(&korinet::Client::builder(), &path).unwrap();
    let mut session = server.accept().unwrap();
    client.send(&1).unwrap();
    assert_eq!(recv_number(&mut session), 1);
    std::fs::remove_dir_all(&dir).unwrap();
}
