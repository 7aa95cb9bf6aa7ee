//! What a recorder of the crate `metrics` is told of sessions.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::time::Duration;

use korinet::{Client, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::within;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// The counters and gauges, by name and side.
fn told(snapshotter: &Snapshotter) -> BTreeMap<(String, String), f64> {
    let snapshot = snapshotter.snapshot().into_vec();
    let told = snapshot.into_iter().map(|(key, _, _, value)| {
        let key = key.key();
        let side = key.labels().map(|label| label.value().to_owned()).collect();
        let value = match value {
            DebugValue::Counter(count) => f64::from(u32::try_from(count).unwrap()),
            DebugValue::Gauge(level) => level.into_inner(),
            DebugValue::Histogram(values) => f64::from(u32::try_from(values.len()).unwrap()),
        };
        ((key.name().to_owned(), side), value)
    });
    told.collect()
}

#[test]
fn what_sessions_do_is_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let living = metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let server = Server::bind("127.0.0.1:0").await.unwrap();
            let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
            let place = Place::Byte(1_000);
            proxy.plan([Plan::cut(Direction::ToServer, place, Cut::Reset)]);
            let client =
                Client::builder().backoff(Duration::from_millis(1), Duration::from_millis(10));
            let client = within("a session", client.connect(proxy.addr().to_string()));
            let client = client.await.unwrap();
            let mut accepted = within("the session", server.accept()).await.unwrap();
            for number in 0..100_u32 {
                within("an acknowledgement", client.send(&number))
                    .await
                    .unwrap();
                assert!(accepted.recv().await.unwrap().is_some());
            }
            assert_eq!(proxy.counts().reset, 1);
            let living = told(&snapshotter);
            within("the end", client.close()).await.unwrap();
            assert!(accepted.recv().await.unwrap().is_none());
            living
        })
    });
    let of = |told: &BTreeMap<_, f64>, name: &str, side: &str| {
        let value = told.get(&(format!("korinet_{name}"), side.to_owned()));
        value.copied().unwrap_or(-1.0)
    };
    for (name, side, expect) in [
        ("sessions", "client", 1.0),
        ("sessions", "server", 1.0),
        ("sessions_total", "server", 1.0),
        ("sessions_lost_total", "client", 0.0),
        ("connections_total", "client", 2.0),
        ("connections_total", "server", 2.0),
        ("messages_sent_total", "client", 100.0),
        ("messages_acknowledged_total", "client", 100.0),
        ("messages_sent_total", "server", 0.0),
    ] {
        let found = of(&living, name, side);
        assert!((found - expect).abs() < 0.5, "{name} {side}: {found}");
    }
    assert!(
        of(&living, "messages_replayed_total", "client") >= 1.0,
        "{living:?}"
    );
    assert!(
        of(&living, "round_trip_seconds", "client") >= 1.0,
        "{living:?}"
    );
    // The recorder tells what has changed since it was asked before.
    let ended = told(&snapshotter);
    let received = of(&living, "messages_received_total", "server");
    let rest = of(&ended, "messages_received_total", "server").max(0.0);
    assert!(
        (received + rest - 100.0).abs() < 0.5,
        "{living:?} {ended:?}"
    );
    for side in ["client", "server"] {
        let fewer = of(&ended, "sessions", side);
        assert!((fewer + 1.0).abs() < 0.5, "{ended:?}");
    }
}
