use std::sync::Arc;
use std::time::{Duration, SystemTime};

use korinet::tls::ClientCertificates;
use korinet_chaos::Proxy;
use korinet_tests::pki::Authority;
use korinet_tests::within;
use tokio::task::JoinSet;

use super::{bind, client, connect, converse, refused, server};

#[tokio::test]
async fn a_certificate_is_renewed_under_sessions_that_go_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let tls = old.server();
    let (server, addr) = bind(&server(&tls)).await;
    let mut session = connect(&client(&old.client()), &addr).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    tls.set_identity(new.issue(&["127.0.0.1"], 2).identity())
        .unwrap();
    converse(&mut session, &mut accepted).await;
    let trusting = new.client();
    connect(&client(&trusting), &addr).await.unwrap();
    let text = refused(&client(&old.client()), &addr).await;
    assert!(text.ends_with("its issuer is unknown"), "{text}");
    // What is trusted is renewed in the same way.
    trusting.set_roots(old.roots()).unwrap();
    let text = refused(&client(&trusting), &addr).await;
    assert!(text.ends_with("its issuer is unknown"), "{text}");
}

#[tokio::test]
async fn whom_a_server_trusts_is_renewed_and_no_ticket_outlives_it() {
    let authority = Authority::new();
    let tls = authority.server_for_clients();
    let (_server, addr) = bind(&server(&tls)).await;
    let leaf = authority.issue(&["client"], 20);
    let own = authority.client();
    own.set_identity(leaf.identity()).unwrap();
    let session = connect(&client(&own), &addr).await.unwrap();
    session.close().await.unwrap();
    let list = authority.revoke(&[&leaf]);
    let clients = ClientCertificates::from(authority.roots());
    tls.set_clients(clients.revoked(list.as_bytes()).unwrap())
        .unwrap();
    let text = refused(&client(&own), &addr).await;
    assert!(text.ends_with("it was revoked"), "{text}");
    own.set_identity(authority.issue(&["client"], 21).identity())
        .unwrap();
    connect(&client(&own), &addr).await.unwrap();
}

/// A ticket tells of a certificate that was valid when it was given.
#[tokio::test]
async fn a_ticket_does_not_outlive_the_certificate_that_it_tells_of() {
    let authority = Authority::new();
    let (_server, addr) = bind(&server(&authority.server_for_clients())).await;
    let end = SystemTime::now() + Duration::from_secs(3);
    let own = authority.client();
    let leaf = authority.issue_until(&["client"], 22, end);
    own.set_identity(leaf.identity()).unwrap();
    let session = connect(&client(&own), &addr).await.unwrap();
    session.close().await.unwrap();
    let left = end.duration_since(SystemTime::now()).unwrap_or_default();
    tokio::time::sleep(left + Duration::from_secs(1)).await;
    let text = refused(&client(&own), &addr).await;
    let expect = "authentication-expired (certificate of the peer is not trusted: it has expired)";
    assert!(text.ends_with(expect), "{text}");
}

/// As the library comes, it remembers 256 of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_are_for_any_number_of_clients() {
    const CLIENTS: usize = 1000;
    let authority = Authority::new();
    let builder = server(&authority.server()).max_handshakes(64, 64);
    let (server, addr) = bind(&builder).await;
    let proxy = Proxy::start(&addr).await.unwrap();
    let serving = tokio::spawn(async move {
        server
            .serve(|mut session| async move { while let Ok(Some(_)) = session.recv().await {} })
            .await;
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| Arc::new(client(&authority.client())))
        .collect();
    let mut sent = Vec::new();
    for _ in 0..2 {
        let before = proxy.counts().bytes_to_client;
        // One after the other, some at a time: what is of interest is not how many there are at once.
        for some in clients.chunks(20) {
            let mut tasks = JoinSet::new();
            for client in some {
                let (client, addr) = (Arc::clone(client), proxy.addr().to_string());
                tasks.spawn(async move {
                    let session = connect(&client, &addr).await.unwrap();
                    session.close().await.unwrap();
                });
            }
            tasks.join_all().await;
        }
        sent.push(proxy.counts().bytes_to_client - before);
    }
    // Without the certificate and its signature the answer is much shorter.
    let (whole, resumed) = (sent[0], sent[1]);
    assert!(resumed * 4 < whole * 3, "{sent:?}");
    serving.abort();
}
