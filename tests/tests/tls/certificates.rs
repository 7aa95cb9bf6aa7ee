use korinet::tls::{ClientCertificates, ClientTls, ServerTls};
use korinet_tests::pki::Authority;
use korinet_tests::within;

use super::{bind, client, connect, converse, refused, server};

#[tokio::test]
async fn messages_go_over_tls() {
    let authority = Authority::new();
    let (server, addr) = bind(&server(&authority.server())).await;
    let tls = authority.client();
    let mut session = connect(&client(&tls), &addr).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    converse(&mut session, &mut accepted).await;
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_refused_by_name() {
    let authority = Authority::new();
    let tls = authority.client();
    let names = ["localhost", "127.0.0.1"];
    let cases = [
        (
            authority.issue_expired(&names, 2),
            "certificate of the peer is not trusted: it has expired",
        ),
        (
            authority.issue_future(&names, 3),
            "certificate of the peer is not trusted: it is not valid yet",
        ),
        (
            authority.issue(&["other.example"], 4),
            "certificate of the peer is not trusted: it is not for 127.0.0.1, but for other.example",
        ),
        (
            Authority::new().issue(&names, 5),
            "certificate of the peer is not trusted: its issuer is unknown",
        ),
    ];
    for (leaf, expect) in cases {
        let (_server, addr) = bind(&server(&ServerTls::new(leaf.identity()).unwrap())).await;
        let text = refused(&client(&tls), &addr).await;
        assert_eq!(text, format!("cannot connect to {addr}: {expect}"));
    }
}

#[tokio::test]
async fn a_client_that_is_not_trusted_is_refused_by_name() {
    let authority = Authority::new();
    let good = authority.issue(&["good"], 10);
    let revoked = authority.issue(&["revoked"], 11);
    let tls = authority.server();
    let list = authority.revoke(&[&revoked]);
    let clients = ClientCertificates::from(authority.roots());
    tls.set_clients(clients.revoked(list.as_bytes()).unwrap())
        .unwrap();
    let (_server, addr) = bind(&server(&tls)).await;
    let cases = [
        (None, "a certificate is required"),
        (Some(authority.issue_expired(&["x"], 12)), "it has expired"),
        (Some(revoked), "it was revoked"),
        (
            Some(Authority::new().issue(&["x"], 13)),
            "its issuer is unknown",
        ),
    ];
    for (leaf, expect) in cases {
        let tls = ClientTls::new(authority.roots()).unwrap();
        if let Some(leaf) = leaf {
            tls.set_identity(leaf.identity()).unwrap();
        }
        let text = refused(&client(&tls), &addr).await;
        let expect = format!("cannot connect to {addr}: peer does not trust this side: {expect}");
        assert_eq!(text, expect);
    }
    let tls = authority.client();
    tls.set_identity(good.identity()).unwrap();
    connect(&client(&tls), &addr).await.unwrap();
}
