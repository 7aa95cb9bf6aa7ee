use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::gate::Gate;
use super::plan::Fault;
use super::{Counts, Cut, Direction, Plan};

/// Why a connection is not carried on.
enum Ending {
    /// The place of the cut is reached.
    Cut,
    /// One of the two sides is gone.
    Broken,
}

impl From<io::Error> for Ending {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// Carries one connection to its end.
pub(super) async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    plan: Plan,
    counts: &watch::Sender<Counts>,
) {
    if matches!(plan.fault, Some(Fault::Refuse)) {
        counts.send_modify(|counts| counts.refused += 1);
        reset(client);
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else {
        counts.send_modify(|counts| counts.unreachable += 1);
        reset(client);
        return;
    };
    for stream in [&client, &server] {
        // Without it a cut place in the middle of a frame would still be exact, but bytes written one by one
        // could arrive together.
        let _ = stream.set_nodelay(true);
    }
    let ended = {
        let (client_read, client_write) = client.split();
        let (server_read, server_write) = server.split();
        let to_server = Gate::new(plan.place_in(Direction::ToServer));
        let to_client = Gate::new(plan.place_in(Direction::ToClient));
        let singly = plan.single_bytes.then_some(counts);
        tokio::try_join!(
            pump(client_read, server_write, to_server, singly),
            pump(server_read, client_write, to_client, singly),
        )
    };
    match (ended, plan.fault) {
        (Ok(_), _) => {}
        (Err(Ending::Cut), Some(Fault::Cut(_, _, cut))) => {
            do_cut(client, server, cut, counts).await;
        }
        (Err(Ending::Cut | Ending::Broken), _) => {
            reset(client);
            reset(server);
        }
    }
}

/// Forwards one direction up to its end.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut gate: Gate,
    singly: Option<&watch::Sender<Counts>>,
) -> Result<(), Ending> {
    if gate.is_at_start() {
        return Err(Ending::Cut);
    }
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = from.read(&mut buffer).await?;
        if len == 0 {
            // The other side may be gone already, which its own direction finds out.
            let _ = to.shutdown().await;
            return Ok(());
        }
        let passage = gate.pass(&buffer[..len]);
        let bytes = &buffer[..passage.len];
        if let Some(counts) = singly {
            for byte in bytes {
                to.write_all(std::slice::from_ref(byte)).await?;
            }
            counts.send_modify(|counts| counts.single_bytes += bytes.len() as u64);
        } else {
            to.write_all(bytes).await?;
        }
        if passage.cut {
            return Err(Ending::Cut);
        }
    }
}

/// Counted first, so that nobody sees the effect of a fault that is not counted yet.
async fn do_cut(
    mut client: TcpStream,
    mut server: TcpStream,
    cut: Cut,
    counts: &watch::Sender<Counts>,
) {
    counts.send_modify(|counts| match cut {
        Cut::Fin => counts.fin += 1,
        Cut::Reset => counts.reset += 1,
        Cut::Silence => counts.silence += 1,
    });
    match cut {
        Cut::Fin => {
            let _ = server.shutdown().await;
            let _ = client.shutdown().await;
            // To close a socket with unread bytes would be a reset.
            let mut sinks = (tokio::io::sink(), tokio::io::sink());
            let _ = tokio::join!(
                tokio::io::copy(&mut client, &mut sinks.0),
                tokio::io::copy(&mut server, &mut sinks.1),
            );
        }
        Cut::Reset => {
            reset(server);
            reset(client);
        }
        Cut::Silence => std::future::pending().await,
    }
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}
