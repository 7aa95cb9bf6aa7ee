//! Servers that cannot be trusted: who has no session with them gets none, and who has one goes on trying, since whoever
//! stands in the way may go away again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use korinet::{CertificateFault, Client, ConnectError, ConnectionError, Server, State};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::pki::{Authority, Leaf};
use korinet_tests::within;

/// What clients find wrong with a certificate, and what they tell its server.
struct Flaw {
    leaf: Leaf,
    fault: CertificateFault,
    told: CertificateFault,
}

fn flaws(authority: &Authority) -> Vec<Flaw> {
    let names = ["localhost", "127.0.0.1"];
    vec![
        Flaw {
            leaf: authority.issue_expired(&names, 2),
            fault: CertificateFault::Expired,
            told: CertificateFault::Expired,
        },
        Flaw {
            leaf: authority.issue(&["other.example"], 3),
            fault: CertificateFault::WrongName {
                expected: "127.0.0.1".to_owned(),
                found: vec!["other.example".to_owned()],
            },
            told: CertificateFault::Other("its certificate is not accepted".to_owned()),
        },
        Flaw {
            leaf: Authority::new().issue(&names, 4),
            fault: CertificateFault::UnknownIssuer,
            told: CertificateFault::UnknownIssuer,
        },
    ]
}

#[tokio::test]
async fn who_has_a_session_goes_on_trying_and_who_has_none_stops() {
    let authority = Authority::new();
    for flaw in flaws(&authority) {
        go_through(&authority, &flaw).await;
    }
}

async fn go_through(authority: &Authority, flaw: &Flaw) {
    let tls = authority.server();
    let refused = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&refused);
    let server = Server::builder()
        .tls(&tls)
        .on_refused(move |it| heard.lock().unwrap().push(it.reason.clone()));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    // Behind the handshakes, and in the middle of the message.
    let place = Place::Byte(50_000);
    proxy.plan([Plan::cut(Direction::ToServer, place, Cut::Reset)]);
    let addr = proxy.addr().to_string();
    let client = Client::builder()
        .tls(&authority.client())
        .backoff(Duration::from_millis(1), Duration::from_millis(20));
    let session = within("a session", client.connect(&addr)).await.unwrap();
    let mut accepted = within("a session", server.accept()).await.unwrap();

    tls.set_identity(flaw.leaf.identity()).unwrap();
    let message = vec![7; 100_000];
    let sending = session.sender().enqueue_raw(message.clone()).await.unwrap();
    let invalid = ConnectionError::CertificateInvalid(flaw.fault.clone());
    let mut state = session.state();
    let is_trying = |state: &State| matches!(state, State::Detached { reason, attempts: 5.., .. } if *reason == invalid);
    let trying = within("the attempts", state.wait_for(is_trying)).await;
    drop(trying.unwrap());
    let newcomer = within("a refusal", client.connect(&addr)).await;
    let error = newcomer.unwrap_err();
    let is_invalid =
        matches!(&error, ConnectError::Connection { source, .. } if *source == invalid);
    assert!(is_invalid, "{error:?}");
    let told = ConnectionError::CertificateRefused(flaw.told.clone());
    assert!(refused.lock().unwrap().contains(&told), "{refused:?}");

    let good = authority.issue(&["127.0.0.1"], 9);
    tls.set_identity(good.identity()).unwrap();
    // What was sent meanwhile arrives once there is a server again that is trusted.
    within("the acknowledgement", sending).await.unwrap();
    let received = within("the message", accepted.recv()).await.unwrap();
    assert_eq!(received.unwrap().data()[..], message);
    let stats = session.stats().unwrap();
    assert_eq!((stats.connections, stats.lost), (2, 0));
}
