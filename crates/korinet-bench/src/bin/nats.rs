//! NATS JetStream in the broker's memory, by async-nats: what a client publishes is acknowledged by the broker, and
//! nobody receives it. 1,024 messages are under way in a stream.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use korinet_bench::{Broker, Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, run, tell};

const WINDOW: usize = 1024;
/// Messages that are unacknowledged at the most, in bytes: the client buffers without a bound of its own.
const WINDOW_BYTES: usize = 16 * 1024 * 1024;
/// What the stream keeps; older ones go.
const KEPT: i64 = 64 * 1024 * 1024;

static SUBJECTS: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => run::<Nats>(options, Flavour::CurrentThread),
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

struct Nats;

struct Link {
    context: Context,
    subject: String,
    message: Bytes,
}

impl Link {
    async fn publish(&self) -> Result<PublishAckFuture, Failure> {
        let (subject, message) = (self.subject.clone(), self.message.clone());
        Ok(self.context.publish(subject, message).await?)
    }
}

impl Peer for Nats {
    type Listener = Broker;
    type Link = Link;

    async fn listen(_: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let broker = Broker::start("nats", |port, folder| {
            let config = folder.join("nats.conf");
            let text = format!(
                "listen: {}:{port}\nmax_payload: 8MB\njetstream {{ store_dir: {folder:?} }}\n",
                Ipv4Addr::LOCALHOST
            );
            std::fs::write(&config, text)?;
            let mut command = Command::new("nats-server");
            command.arg("--config").arg(config);
            Ok(command)
        })
        .await?;
        let endpoint = broker.endpoint();
        Ok((broker, endpoint))
    }

    async fn accept(_: &mut Self::Listener) -> Result<Link, Failure> {
        std::future::pending().await
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let addr = format!("{}:{}", Ipv4Addr::LOCALHOST, options.port);
        let context = jetstream::new(async_nats::connect(addr).await?);
        let number = SUBJECTS.fetch_add(1, Ordering::Relaxed);
        let subject = format!("bench-{number}");
        let config = Config {
            name: subject.clone(),
            subjects: vec![subject.clone()],
            storage: StorageType::Memory,
            discard: DiscardPolicy::Old,
            max_bytes: KEPT,
            ..Config::default()
        };
        context.get_or_create_stream(config).await?;
        Ok(Link {
            context,
            subject,
            message: Bytes::from(vec![7; options.size]),
        })
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        link.publish().await?.await?;
        Ok(())
    }

    async fn answer(_: Link, _: Tally) -> Result<(), Failure> {
        Err("the broker answers".into())
    }

    async fn pump(link: Link, mut flow: Flow) -> Result<(), Failure> {
        let window = WINDOW.min(WINDOW_BYTES / flow.size).max(1);
        let mut under_way = VecDeque::with_capacity(window);
        loop {
            while under_way.len() < window {
                under_way.push_back(link.publish().await?);
            }
            if let Some(oldest) = under_way.pop_front() {
                oldest.await?;
                flow.tally.add(1);
            }
        }
    }
}
