//! A server that takes all messages and does nothing with them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use korinet::{Server, Session};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::output::{chain, tell};
use crate::signal;

/// How many messages are taken at a time.
const BATCH: usize = 256;

/// How long connections have to end in good order.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// One on a thread of its own, so that the two sides have a core each; dropped, it ends.
pub(super) struct Drain {
    addr: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Drain {
    pub(super) fn start() -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::from_error(&error))?;
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            runtime.block_on(async {
                let bound = Server::bind("127.0.0.1:0").await;
                let bound = bound.map_err(|error| Failure::from_error(&error));
                let server = bound.and_then(|server| {
                    let addr = server.local_addr();
                    let addr = addr.map_err(|error| Failure::from_error(&error))?;
                    Ok((server, addr))
                });
                match server {
                    Ok((server, addr)) => {
                        let _ = tell.send(Ok(addr));
                        tokio::select! {
                            () = drain(&server) => {}
                            _ = stopped => {}
                        }
                    }
                    Err(error) => drop(tell.send(Err(error))),
                }
            });
        });
        let ended = || Failure::Told("the server of its own has ended".to_owned());
        let addr = told.recv().map_err(|_| ended())??;
        Ok(Self { addr, _stop: stop })
    }

    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// The same for others, until a signal.
pub(super) async fn serve(addr: &str, allow_plaintext: bool) -> Result<(), Failure> {
    let mut builder = Server::builder();
    if allow_plaintext {
        builder = builder.allow_plaintext();
    }
    let bound = builder.bind(addr).await;
    let server = bound.map_err(|error| Failure::Told(format!("{addr}: {}", chain(&error))))?;
    let local = server.local_addr();
    let local = local.map_err(|error| Failure::from_error(&error))?;
    tell(format_args!("listening on {local} without TLS"));
    let server = Arc::new(server);
    let failure = tokio::select! {
        () = drain(&server) => return Ok(()),
        failure = signal::ended() => failure,
    };
    server.shut_down(CLOSE_TIME, None).await;
    Err(failure)
}

async fn drain(server: &Server) {
    while let Some(session) = server.accept().await {
        tokio::spawn(discard(session));
    }
}

async fn discard(mut session: Session) {
    let mut messages = Vec::new();
    // How the session ends is told by the other side.
    while let Ok(1..) = session.recv_many(&mut messages, BATCH).await {
        messages.clear();
    }
}
