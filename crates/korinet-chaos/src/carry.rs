use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpStream;

use crate::gate::Gate;
use crate::pipe::{Ending, Meter, Pieces, Pipe};
use crate::plan::Fault;
use crate::proxy::Shared;
use crate::{Carried, Cut, Direction, Plan, What, silence};

/// One connection through the proxy.
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) plan: Plan,
    pub(crate) target: String,
    pub(crate) shared: Arc<Shared>,
}

/// The bytes written so far, in each direction.
#[derive(Default)]
struct Meters {
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Connection {
    /// Carries it to its end.
    pub(crate) async fn carry(self, client: TcpStream) {
        if matches!(self.plan.fault, Some(Fault::Refuse)) {
            self.shared.count(|counts| counts.refused += 1);
            self.tell(What::Refused);
            reset(client);
            return;
        }
        match TcpStream::connect(&self.target).await {
            Ok(server) => self.forward(client, server).await,
            Err(error) => {
                self.shared.count(|counts| counts.unreachable += 1);
                self.tell(What::Unreachable(error));
                reset(client);
            }
        }
    }

    async fn forward(&self, mut client: TcpStream, mut server: TcpStream) {
        for stream in [&client, &server] {
            // Without it a cut place in the middle of a frame would still be exact, but pieces written one by
            // one could arrive together.
            let _ = stream.set_nodelay(true);
        }
        let meters = Meters::default();
        let ended = {
            let (client_read, client_write) = client.split();
            let (server_read, server_write) = server.split();
            let piped = async {
                tokio::try_join!(
                    self.pipe(Direction::ToServer, client_read, server_write, &meters)
                        .run(),
                    self.pipe(Direction::ToClient, server_read, client_write, &meters)
                        .run(),
                )
            };
            tokio::select! {
                biased;
                ended = piped => ended.map(drop),
                () = self.lasted() => Err(Ending::Lasted),
            }
        };
        let carried = meters.carried();
        let direction = match ended {
            Ok(()) => return self.tell(What::Ended(carried)),
            Err(Ending::Cut(direction)) => Some(direction),
            Err(Ending::Lasted) => None,
            Err(Ending::Broken) => return self.break_off(client, server, carried),
        };
        let Some(cut) = self.plan.kind() else {
            return self.break_off(client, server, carried);
        };
        // First of all, so that nobody sees the effect of a fault that is not counted yet.
        self.shared.count(|counts| counts.add_cut(cut));
        self.tell(What::Cut {
            direction,
            cut,
            carried,
        });
        self.cut(client, server, cut).await;
    }

    fn break_off(&self, client: TcpStream, server: TcpStream, carried: Carried) {
        self.tell(What::Broken(carried));
        reset(client);
        reset(server);
    }

    /// Waits until it has lasted as long as it may.
    async fn lasted(&self) {
        match self.plan.lifetime() {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    }

    fn pipe<'a, R, W>(
        &'a self,
        direction: Direction,
        from: R,
        to: W,
        meters: &'a Meters,
    ) -> Pipe<'a, R, W> {
        let plan = &self.plan;
        let pieces = |chunks| Pieces::new(chunks, plan.seed, direction);
        Pipe {
            from,
            to,
            gate: Gate::new(plan.place_in(direction)),
            pieces: plan.chunks.map(pieces),
            delay: plan.delay,
            meter: Meter {
                direction,
                carried: meters.of(direction),
                counts: &self.shared.counts,
            },
        }
    }

    async fn cut(&self, client: TcpStream, server: TcpStream, cut: Cut) {
        match cut {
            Cut::Fin => end(client, server).await,
            Cut::Reset => {
                reset(server);
                reset(client);
            }
            Cut::Silence if self.plan.for_good => std::future::pending().await,
            Cut::Silence => tokio::select! {
                () = silence::closed(&client) => {}
                () = silence::closed(&server) => {}
            },
        }
    }

    fn tell(&self, what: What) {
        self.shared.tell(self.number, what);
    }
}

impl Meters {
    const fn of(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    fn carried(&self) -> Carried {
        Carried {
            to_server: self.to_server.load(Ordering::Relaxed),
            to_client: self.to_client.load(Ordering::Relaxed),
        }
    }
}

/// Ends both streams in good order.
async fn end(mut client: TcpStream, mut server: TcpStream) {
    use tokio::io::{AsyncWriteExt, copy, sink};
    let _ = server.shutdown().await;
    let _ = client.shutdown().await;
    // To close a socket with unread bytes would be a reset.
    let mut sinks = (sink(), sink());
    let _ = tokio::join!(
        copy(&mut client, &mut sinks.0),
        copy(&mut server, &mut sinks.1),
    );
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}
