//! MQTT with quality of service 1, by rumqttc and mosquitto: what a client publishes is acknowledged by the broker, and
//! nobody receives it.

use std::net::Ipv4Addr;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use korinet_bench::{Broker, Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, run, tell};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};

/// Messages under way at once, in each session.
const WINDOW: u16 = 1024;
/// The largest packet.
const MOST: usize = 8 * 1024 * 1024;

static CLIENTS: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => run::<Mqtt>(options, Flavour::CurrentThread),
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

struct Mqtt;

struct Link {
    client: AsyncClient,
    events: EventLoop,
    message: Bytes,
}

impl Link {
    async fn until(&mut self, is_wanted: fn(&Packet) -> bool) -> Result<(), Failure> {
        loop {
            if let Event::Incoming(packet) = self.events.poll().await?
                && is_wanted(&packet)
            {
                return Ok(());
            }
        }
    }
}

impl Peer for Mqtt {
    type Listener = Broker;
    type Link = Link;

    async fn listen(_: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let broker = Broker::start("mqtt", |port, folder| {
            let config = folder.join("mosquitto.conf");
            let text = format!(
                "listener {port} {}\nallow_anonymous true\nmax_inflight_messages 0\n\
                 max_queued_messages 0\nset_tcp_nodelay true\n",
                Ipv4Addr::LOCALHOST
            );
            std::fs::write(&config, text)?;
            let mut command = Command::new("mosquitto");
            command.arg("-c").arg(config);
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
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let addr = Ipv4Addr::LOCALHOST.to_string();
        let mut settings = MqttOptions::new(format!("bench-{number}"), addr, options.port);
        settings
            .set_inflight(WINDOW)
            .set_max_packet_size(MOST, MOST);
        let (client, mut events) = AsyncClient::new(settings, usize::from(WINDOW));
        events.network_options.set_tcp_nodelay(true);
        let message = Bytes::from(vec![7; options.size]);
        let mut link = Link {
            client,
            events,
            message,
        };
        link.until(|packet| matches!(packet, Packet::ConnAck(_)))
            .await?;
        Ok(link)
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        let message = link.message.clone();
        link.client
            .publish_bytes("bench", QoS::AtLeastOnce, false, message)
            .await?;
        link.until(|packet| matches!(packet, Packet::PubAck(_)))
            .await
    }

    async fn answer(_: Link, _: Tally) -> Result<(), Failure> {
        Err("the broker answers".into())
    }

    async fn pump(mut link: Link, mut flow: Flow) -> Result<(), Failure> {
        let (client, message) = (link.client.clone(), link.message.clone());
        let publishing = tokio::spawn(async move {
            loop {
                let message = message.clone();
                client
                    .publish_bytes("bench", QoS::AtLeastOnce, false, message)
                    .await?;
            }
        });
        let counting = async {
            loop {
                link.until(|packet| matches!(packet, Packet::PubAck(_)))
                    .await?;
                flow.tally.add(1);
            }
        };
        tokio::select! {
            ended = publishing => ended?,
            ended = counting => ended,
        }
    }
}
