//! The far end of a tunnel: sessions come in, and each opens a TCP connection to the target.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use korinet::{Receiver, Sender, Session};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::carry::{Broken, Bytecount, carry};
use super::report::Report;
use super::tcp::Tcp;
use super::{CLOSE_TIME, break_off};
use crate::args::TunnelListen;
use crate::bind::{Binding, bind};
use crate::failure::Failure;
use crate::output::tell;
use crate::purpose::Purpose;
use crate::refused::Refusals;
use crate::signal;

/// How long to connect to the target may take.
const TARGET_TIME: Duration = Duration::from_secs(10);

/// What all connections share.
struct Shared {
    target: String,
    report: Report,
    /// Whether connections are to end.
    closing: watch::Receiver<bool>,
}

pub(super) async fn run(args: TunnelListen) -> Result<(), Failure> {
    let refusals = Refusals::default();
    let server = bind(&Binding::from(&args.service), &refusals).await?;
    tell(format_args!("connections go on to {}", args.to));
    let report = Report::new(args.json);
    if let Ok(addr) = server.local_addr() {
        report.listening(&addr.to_string(), &args.to);
    }
    let (close, closing) = watch::channel(false);
    let shared = Arc::new(Shared {
        target: args.to,
        report,
        closing,
    });
    let mut connections = JoinSet::new();
    let mut number = 0;
    let mut ended = pin!(signal::ended());
    let failure = loop {
        tokio::select! {
            Some(session) = server.accept() => {
                number += 1;
                connections.spawn(serve(session, number, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
            failure = &mut ended => break failure,
        }
    };
    close.send_replace(true);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(CLOSE_TIME, all_closed).await;
    server.shut_down(Duration::ZERO, None).await;
    refusals.sum_up();
    Err(failure)
}

/// One session from its beginning to its end.
async fn serve(session: Session, number: u64, shared: Arc<Shared>) {
    let report = shared.report;
    report.opened(number, session.peer_addr());
    tokio::spawn(report.accepted(number, session.events()));
    let (sender, mut receiver) = session.split();
    let count = Bytecount::default();
    let mut closing = shared.closing.clone();
    let ended = tokio::select! {
        ended = converse(&sender, &mut receiver, &count, &shared.target) => ended,
        _ = closing.wait_for(|closing| *closing) => Err(Broken::ended_here()),
    };
    report.ended(number, ended.as_ref().copied(), &count);
    match ended {
        // The near end closes the session; all that it was sent is acknowledged, so how does not matter.
        Ok(()) => while let Ok(Some(_)) = receiver.recv().await {},
        Err(reason) => {
            drop(receiver);
            break_off(sender, &reason).await;
        }
    }
}

async fn converse(
    sender: &Sender,
    receiver: &mut Receiver,
    count: &Bytecount,
    target: &str,
) -> Result<(), Broken> {
    let asked = Purpose::Tunnel.answer(sender, receiver);
    asked.await.map_err(Broken::Session)?;
    let mut tcp = Tcp::new(connect(target).await?).map_err(Broken::Tcp)?;
    carry(tcp.stream(), sender, receiver, count).await?;
    tcp.end().map_err(Broken::Tcp)
}

async fn connect(target: &str) -> Result<TcpStream, Broken> {
    let text = match tokio::time::timeout(TARGET_TIME, TcpStream::connect(target)).await {
        Ok(Ok(tcp)) => return Ok(tcp),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {TARGET_TIME:?}"),
    };
    // Not where the target is: that is none of the peer's business.
    Err(Broken::Session(format!("target cannot be reached: {text}")))
}
