use std::time::Duration;

use korinet::call::{CallError, Failure, FailureCode, Ran, TraceContext};
use korinet::{AckLevel, SendError, Session};
use korinet_tests::{v2_client, v2_server, within};

use super::{pair, pair_at};

/// A server that divides, and takes its time where it is asked to.
fn divide(session: &Session) {
    let requests = session.requests();
    let sender = session.sender().clone();
    tokio::spawn(requests.serve(move |(a, b): (u32, u32)| {
        let sender = sender.clone();
        async move {
            // It may ask back while it answers.
            let b: u32 = match b {
                99 => sender.request(&"divisor").await.unwrap(),
                b => b,
            };
            a.checked_div(b).ok_or_else(|| {
                let failure = Failure::new("division by zero");
                failure.detail(&a).unwrap()
            })
        }
    }));
}

#[tokio::test]
async fn requests_are_answered_both_ways_and_at_once() {
    for level in [AckLevel::Received, AckLevel::Processed] {
        let (client, server, _listening) = pair_at(level).await;
        divide(&server);
        let asked = client.requests();
        tokio::spawn(asked.serve(|question: String| async move {
            match question.as_str() {
                "divisor" => Ok(7_u32),
                other => Err(Failure::refused(format!("no {other:?} here"))),
            }
        }));
        let mut calls = tokio::task::JoinSet::new();
        for number in 1..=1_000_u32 {
            let sender = client.sender().clone();
            calls.spawn(async move {
                let divisor = if number % 2 == 0 { 99 } else { 7 };
                let answer: u32 = sender.request(&(7 * number, divisor)).await.unwrap();
                assert_eq!(answer, number);
            });
        }
        within("the answers", calls.join_all()).await;
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn failures_say_what_happened_and_whether_it_ran() {
    let (client, server, _listening) = pair().await;
    divide(&server);
    let error = client.request::<_, u32>(&(84, 0)).await.unwrap_err();
    assert_eq!(error.to_string(), "request failed: division by zero");
    assert_eq!(error.ran(), Ran::Yes);
    let CallError::Failed(failure) = error else {
        panic!("{error}");
    };
    assert_eq!(failure.decode::<u32>().unwrap(), Some(84));

    let error = client.request::<_, u32>("what").await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("request did not run: malformed: "),
        "{error}"
    );
    assert_eq!(error.ran(), Ran::No);

    let error = client.request::<_, String>(&(84, 2)).await.unwrap_err();
    assert!(matches!(error, CallError::Answer(_)), "{error}");
    assert_eq!(error.ran(), Ran::Yes);
}

#[tokio::test]
async fn a_handler_that_panics_has_not_answered() {
    let (client, server, _listening) = pair().await;
    let requests = server.requests();
    tokio::spawn(requests.serve(|divisor: u32| async move { Ok::<u32, Failure>(1 / divisor) }));
    let error = client.request::<_, u32>(&0).await.unwrap_err();
    let CallError::Failed(failure) = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (failure.code(), error.ran()),
        (FailureCode::UNANSWERED, Ran::Maybe)
    );
    assert_eq!(client.request::<_, u32>(&1).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_late_is_given_up_and_the_other_side_notices() {
    let (client, server, _listening) = pair().await;
    let mut requests = server.requests();
    let asked = client.call("slow").deadline(Duration::from_millis(30));
    let (answer, ()) = tokio::join!(asked.answer::<u32>(), async {
        let request = requests.recv().await.unwrap().unwrap();
        let left = request.time_left().unwrap();
        assert!(left <= Duration::from_millis(30), "{left:?}");
        request.given_up().await;
        assert_eq!(request.respond(&1).await, Err(CallError::Stopped));
    });
    let error = answer.unwrap_err();
    let after = Duration::from_millis(30);
    assert_eq!(
        error,
        CallError::Deadline {
            after,
            ran: Ran::Maybe
        }
    );
    assert_eq!(
        error.to_string(),
        "no answer within 30ms, the request may have run"
    );
}

#[tokio::test]
async fn what_comes_too_late_is_not_begun() {
    let (client, server, _listening) = pair().await;
    let requests = server.requests();
    // The deadline is over when it is looked at, whatever the clock says.
    let call = client.call("late").deadline(Duration::from_nanos(1));
    let opened = call.open().await;
    tokio::spawn(requests.for_each(|_| async { panic!("it is too late") }));
    let error = match opened {
        Err(error) => error,
        Ok(call) => call.answer().await.unwrap_err(),
    };
    // Whether this side or the other one notices first.
    let is_told =
        matches!(&error, CallError::Failed(failure) if failure.code() == FailureCode::TOO_LATE);
    assert!(
        is_told || matches!(error, CallError::Deadline { .. }),
        "{error}"
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn traces_go_with_requests_and_on_to_the_next() {
    let (client, server, _listening) = pair().await;
    let requests = server.requests();
    tokio::spawn(requests.for_each(|request| async move {
        let of_request = request.trace().cloned();
        assert_eq!(TraceContext::current(), of_request);
        let told = of_request.map(|trace| (trace.to_string(), trace.state().map(str::to_owned)));
        request.respond(&told).await.unwrap();
    }));
    type Told = Option<(String, Option<String>)>;
    assert_eq!(client.request::<_, Told>("").await.unwrap(), None);
    let trace = TraceContext::root().with_state("a=b");
    let told: Told = client.call("").trace(trace.clone()).answer().await.unwrap();
    assert_eq!(told, Some((trace.to_string(), Some("a=b".to_owned()))));
    let told = trace.clone().scope(client.request::<_, Told>(""));
    let (parent, _) = told.await.unwrap().unwrap();
    let child: TraceContext = parent.parse().unwrap();
    assert_eq!(child.trace_id(), trace.trace_id());
    assert_ne!(child.span_id(), trace.span_id());
}

#[tokio::test]
async fn streams_of_items_go_both_ways() {
    let (client, server, _listening) = pair().await;
    let requests = server.requests();
    tokio::spawn(requests.for_each(|mut request| async move {
        let mut sum = 0_u64;
        while let Some(item) = request.recv().await.unwrap() {
            sum += item.decode::<u64>().unwrap();
            request.send(&sum).await.unwrap();
        }
        request.end().await.unwrap();
    }));
    let mut call = client.call("sums").open().await.unwrap();
    let mut sums = 0;
    for number in 1..=10_000_u64 {
        call.send(&number).await.unwrap();
        let sum: u64 = call.recv().await.unwrap().unwrap().decode().unwrap();
        sums += number;
        assert_eq!(sum, sums);
    }
    call.end().await.unwrap();
    assert!(call.recv().await.unwrap().is_none());
    let error = call.answer().await.unwrap_err();
    assert!(error.to_string().contains("it is a stream"), "{error}");
}

#[tokio::test]
async fn protocol_v2_has_no_calls_and_says_so() {
    let server = v2_server().bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = v2_client().connect(addr).await.unwrap();
    let error = client.request::<_, u32>("?").await.unwrap_err();
    assert_eq!(
        error,
        CallError::NotSent(SendError::NeedsV3 { what: "requests" })
    );
    assert_eq!(error.ran(), Ran::No);
    assert!(client.requests().recv().await.unwrap().is_none());
}
