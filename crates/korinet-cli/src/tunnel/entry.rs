//! The near end of a tunnel: TCP connections come in, and each opens a session.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use korinet::{AckLevel, ClientBuilder, FirstConnect, OnLost, Receiver, Sender};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::carry::{Broken, Bytecount, carry};
use super::report::Report;
use super::tcp::Tcp;
use super::{CLOSE_TIME, break_off};
use crate::args::{Peer, TunnelConnect};
use crate::failure::Failure;
use crate::output::{chain, tell};
use crate::purpose::Purpose;
use crate::{peer, signal};

/// How long to wait when the system has no socket left to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
struct Shared {
    builder: ClientBuilder,
    peer: Peer,
    report: Report,
    /// Whether connections are to end.
    closing: watch::Receiver<bool>,
}

pub(super) async fn run(args: TunnelConnect) -> Result<(), Failure> {
    let peer = args.remote.into_peer();
    let builder = peer::builder(&peer).await?;
    let cannot_listen = |error| Failure::Told(format!("{}: cannot listen: {error}", args.listen));
    let listener = TcpListener::bind(&args.listen).await;
    let listener = listener.map_err(cannot_listen)?;
    let addr = listener.local_addr().map_err(cannot_listen)?;
    tell(format_args!(
        "listening on {addr} for TCP, which goes on to {}",
        peer.addr
    ));
    let report = Report::new(args.json);
    report.listening(&addr.to_string(), &peer.addr);

    let (close, closing) = watch::channel(false);
    let shared = Arc::new(Shared {
        builder: builder
            .ack_level(AckLevel::Processed)
            // Another session knows nothing of the TCP connection at the far end.
            .on_lost(OnLost::Fail)
            .first_connect(FirstConnect::Retry),
        peer,
        report,
        closing,
    });
    let mut connections = JoinSet::new();
    let mut number = 0;
    let mut ended = pin!(signal::ended());
    let failure = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, from)) => {
                    number += 1;
                    connections.spawn(serve(tcp, from, number, Arc::clone(&shared)));
                }
                Err(error) => {
                    tell(format_args!("cannot accept: {error}"));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            failure = &mut ended => break failure,
        }
    };
    drop(listener);
    close.send_replace(true);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(CLOSE_TIME, all_closed).await;
    Err(failure)
}

/// One connection from its beginning to its end.
async fn serve(tcp: TcpStream, from: SocketAddr, number: u64, shared: Arc<Shared>) {
    let report = shared.report;
    report.opened(number, Some(from));
    let count = Bytecount::default();
    let mut closing = shared.closing.clone();
    let opening = async {
        let tcp = Tcp::new(tcp).map_err(Broken::Tcp)?;
        Ok((tcp, open(number, &shared).await?))
    };
    let opened = tokio::select! {
        opened = opening => opened,
        _ = closing.wait_for(|closing| *closing) => Err(Broken::ended_here()),
    };
    let (mut tcp, (sender, mut receiver)) = match opened {
        Ok(opened) => opened,
        Err(reason) => return report.ended(number, Err(&reason), &count),
    };
    let ended = tokio::select! {
        ended = converse(&mut tcp, &sender, &mut receiver, &count, &shared) => ended,
        _ = closing.wait_for(|closing| *closing) => Err(Broken::ended_here()),
    };
    let ended = ended.and_then(|()| tcp.end().map_err(Broken::Tcp));
    report.ended(number, ended.as_ref().copied(), &count);
    match ended {
        // Everything is acknowledged, so there is nothing left that could go wrong.
        Ok(()) => drop(tokio::time::timeout(CLOSE_TIME, sender.close()).await),
        Err(reason) => {
            drop(receiver);
            break_off(sender, &reason).await;
        }
    }
}

async fn open(number: u64, shared: &Shared) -> Result<(Sender, Receiver), Broken> {
    let (observer, events) = mpsc::unbounded_channel();
    let telling = shared.report.session(number, events);
    tokio::spawn(telling);
    let builder = shared.builder.clone().events(observer);
    let session = builder.connect(&shared.peer.addr).await;
    let session = session.map_err(|error| Broken::Session(chain(&error)))?;
    Ok(session.split())
}

async fn converse(
    tcp: &mut Tcp,
    sender: &Sender,
    receiver: &mut Receiver,
    count: &Bytecount,
    shared: &Shared,
) -> Result<(), Broken> {
    let asked = Purpose::Tunnel.ask(sender, receiver, shared.peer.timeout);
    asked.await.map_err(Broken::Session)?;
    carry(tcp.stream(), sender, receiver, count).await
}
