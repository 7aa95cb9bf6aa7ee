use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use korinet::{
    Applicant, Authenticated, ClientBuilder, Credential, Event, Loss, OnLost, Refusal,
    ServerBuilder,
};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::pki::Authority;
use korinet_tests::within;
use tokio::sync::mpsc;

use super::{bind, client, connect, converse, refused, server};

/// A server whose clients are who their token says.
fn by_token(builder: ServerBuilder) -> ServerBuilder {
    by_token_for(builder, Duration::from_secs(3600))
}

/// One whose clients have to come back after a while.
fn by_token_for(builder: ServerBuilder, time: Duration) -> ServerBuilder {
    builder.authenticate(move |applicant: Applicant| async move {
        let credential = applicant.credential.ok_or_else(Refusal::required)?;
        match String::from_utf8(credential.bytes.clone()) {
            Ok(name) if credential.mechanism == "token" && name != "nobody" => {
                Ok(Authenticated::new(name).valid_for(time))
            }
            _ => Err(Refusal::failed()),
        }
    })
}

/// A client that shows the token of the moment, and how often it was asked for it.
fn showing(
    builder: ClientBuilder,
    token: &str,
) -> (ClientBuilder, Arc<Mutex<String>>, Arc<AtomicUsize>) {
    let token = Arc::new(Mutex::new(token.to_owned()));
    let asked = Arc::new(AtomicUsize::new(0));
    let (shown, count) = (Arc::clone(&token), Arc::clone(&asked));
    let builder = builder.credentials(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let token = shown.lock().unwrap().clone();
        async move { Ok::<_, std::io::Error>(Credential::new("token", token)) }
    });
    (builder, token, asked)
}

#[tokio::test]
async fn a_client_is_who_its_credential_says() {
    let authority = Authority::new();
    let (server, addr) = bind(&by_token(server(&authority.server()))).await;
    let tls = authority.client();
    let (good, ..) = showing(client(&tls), "ali");
    let mut session = connect(&good, &addr).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    let principal = accepted.principal().map(|it| it.to_string());
    assert_eq!(principal.as_deref(), Some("ali"));
    assert_eq!(session.principal(), None);
    converse(&mut session, &mut accepted).await;
    let text = refused(&client(&tls), &addr).await;
    assert!(
        text.ends_with("refused by the peer: authentication-required"),
        "{text}"
    );
    let (bad, _, asked) = showing(
        client(&tls).first_connect(korinet::FirstConnect::Retry),
        "nobody",
    );
    let text = refused(&bad, &addr).await;
    assert!(
        text.ends_with("refused by the peer: authentication-failed"),
        "{text}"
    );
    // It may have had an old one.
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_longest_times_are_served() {
    let authority = Authority::new();
    let server = server(&authority.server())
        .handshake_timeout(Duration::MAX)
        .max_connection_age(Duration::MAX);
    let (server, addr) = bind(&by_token_for(server, Duration::MAX)).await;
    let (client, ..) = showing(client(&authority.client()), "ali");
    let mut session = connect(&client, &addr).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    converse(&mut session, &mut accepted).await;
}

#[tokio::test]
async fn a_credential_that_cannot_be_had_is_told() {
    let authority = Authority::new();
    let (_server, addr) = bind(&by_token(server(&authority.server()))).await;
    let builder = client(&authority.client()).credentials(async || {
        let error = std::io::Error::other("the vault is closed");
        Err::<Credential, _>(error)
    });
    let text = refused(&builder, &addr).await;
    assert_eq!(
        text,
        format!("cannot connect to {addr}: no credential: the vault is closed")
    );
}

#[tokio::test]
async fn who_comes_back_as_somebody_else_does_not_get_the_session() {
    let authority = Authority::new();
    let builder = by_token_for(server(&authority.server()), Duration::from_millis(200));
    let (server, addr) = bind(&builder).await;
    let tls = authority.client();
    let (builder, token, asked) = showing(client(&tls).on_lost(OnLost::Fail), "ali");
    let mut session = connect(&builder, &addr).await.unwrap();
    let mut events = session.events().unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    converse(&mut session, &mut accepted).await;
    // The same one gets it.
    wait_for(
        &mut events,
        |event| matches!(event, Event::Attached(to) if to.resumed),
    )
    .await;
    assert!(asked.load(Ordering::Relaxed) >= 2);
    converse(&mut session, &mut accepted).await;
    *token.lock().unwrap() = "baba".to_owned();
    let closed = wait_for(&mut events, |event| matches!(event, Event::Closed { .. })).await;
    let Event::Closed { why, .. } = closed else {
        unreachable!()
    };
    let error = why.as_error().unwrap();
    let korinet::SessionError::Lost(Loss::Refused { code, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(code, korinet::wire::v3::Code::SESSION_UNKNOWN);
    assert_eq!(server.sessions(), 1);
}

#[tokio::test]
async fn an_authenticator_sees_who_asks() {
    let authority = Authority::new();
    let (seen_sender, mut seen) = mpsc::unbounded_channel();
    let builder = server(&authority.server_for_clients()).authenticate(move |applicant| {
        seen_sender.send(applicant).unwrap();
        async { Ok(Authenticated::new("anybody")) }
    });
    let (_server, addr) = bind(&builder).await;
    let leaf = authority.issue(&["client"], 30);
    let tls = authority.client();
    tls.set_identity(leaf.identity()).unwrap();
    let (builder, ..) = showing(client(&tls).application("chat", "1.2"), "secret");
    let session = connect(&builder, &addr).await.unwrap();
    let applicant = seen.recv().await.unwrap();
    assert_eq!(applicant.credential.as_ref().unwrap().bytes, b"secret");
    assert_eq!(applicant.certificates.len(), 1);
    assert!(applicant.is_secured);
    assert!(applicant.peer.unwrap().ip().is_loopback());
    let application = ("chat".to_owned(), "1.2".to_owned());
    assert_eq!(applicant.application, Some(application));
    let shown = format!("{applicant:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("115, 101, 99"),
        "{shown}"
    );
    drop(session);
}

#[tokio::test]
async fn a_client_that_is_to_come_later_does() {
    let authority = Authority::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = server(&authority.server()).authenticate(move |_| {
        let is_ready = count.fetch_add(1, Ordering::Relaxed) == 2;
        async move {
            match is_ready {
                true => Ok(Authenticated::new("anybody")),
                false => Err(Refusal::retry_after(Duration::from_millis(10))),
            }
        }
    });
    let (_server, addr) = bind(&builder).await;
    let (events, mut seen) = mpsc::unbounded_channel();
    let tls = authority.client();
    let builder = client(&tls)
        .first_connect(korinet::FirstConnect::Retry)
        .backoff(Duration::from_millis(1), Duration::from_millis(1))
        .events(events);
    connect(&builder, &addr).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    let mut waits = Vec::new();
    while let Ok(event) = seen.try_recv() {
        if let Event::Detached { wait, .. } = event {
            waits.push(wait);
        }
    }
    assert_eq!(waits, [Duration::from_millis(10); 2]);
}

#[tokio::test]
async fn a_client_is_authenticated_anew_when_it_is_not_sure_any_more() {
    let authority = Authority::new();
    let builder = server(&authority.server()).authenticate(async |_| {
        Ok(Authenticated::new("anybody").valid_for(Duration::from_millis(100)))
    });
    let (server, addr) = bind(&builder).await;
    let tls = authority.client();
    let (builder, _, asked) = showing(client(&tls), "ali");
    let mut session = connect(&builder, &addr).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    let (mut here, mut there) = (session.events().unwrap(), accepted.events().unwrap());
    for _ in 0..3 {
        let told = wait_for(&mut there, |event| matches!(event, Event::Detached { .. })).await;
        let Event::Detached { reason, .. } = told else {
            unreachable!()
        };
        assert_eq!(reason, korinet::ConnectionError::Outdated);
        wait_for(
            &mut here,
            |event| matches!(event, Event::Attached(to) if to.resumed),
        )
        .await;
        converse(&mut session, &mut accepted).await;
    }
    assert!(asked.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn one_principal_does_not_get_all_the_sessions() {
    let authority = Authority::new();
    let builder = by_token(server(&authority.server())).max_sessions_per_principal(2);
    let (_server, addr) = bind(&builder).await;
    let tls = authority.client();
    let (ali, ..) = showing(client(&tls), "ali");
    let _first = connect(&ali, &addr).await.unwrap();
    let second = connect(&ali, &addr).await.unwrap();
    let text = refused(&ali, &addr).await;
    let expect = "refused by the peer: too-many-sessions (limit 2 of one client)";
    assert!(text.ends_with(expect), "{text}");
    let (baba, ..) = showing(client(&tls), "baba");
    connect(&baba, &addr).await.unwrap();
    second.close().await.unwrap();
    connect(&ali, &addr).await.unwrap();
}

/// Cut right behind the HELLO that shows the credential, and at its answer.
#[tokio::test]
async fn a_cut_in_the_handshake_costs_a_credential_and_nothing_else() {
    let authority = Authority::new();
    let (server, addr) = bind(&by_token(server(&authority.server()))).await;
    let proxy = Proxy::start(&addr).await.unwrap();
    let cut = |direction, byte| Plan::cut(direction, Place::Byte(byte), Cut::Fin);
    proxy.plan([
        cut(Direction::ToServer, 400),
        cut(Direction::ToServer, 600),
        cut(Direction::ToClient, 900),
    ]);
    let tls = authority.client();
    let builder = client(&tls)
        .first_connect(korinet::FirstConnect::Retry)
        .backoff(Duration::from_millis(1), Duration::from_millis(1));
    let (builder, _, asked) = showing(builder, "ali");
    let mut session = connect(&builder, &proxy.addr().to_string()).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    converse(&mut session, &mut accepted).await;
    let cuts = proxy.counts().cuts();
    assert!(cuts > 0);
    assert_eq!(
        u64::try_from(asked.load(Ordering::Relaxed)).unwrap(),
        cuts + 1
    );
    assert_eq!(server.sessions(), 1);
}

async fn wait_for(events: &mut korinet::Events, is_it: impl Fn(&Event) -> bool) -> Event {
    within("an event", async {
        loop {
            let event = events.recv().await.unwrap();
            if is_it(&event) {
                return event;
            }
        }
    })
    .await
}
