use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use korinet::tls::{ALPN, rustls};
use korinet::{Client, ClientBuilder, Credential, FirstConnect};
use tokio::net::TcpStream;

use super::hello::Wish;
use super::peer::{Peer, dial};
use super::process::{Figures, Line, Process};
use super::raw::Raw;
use super::settings::DEFAULTS;
use super::{Case, Papers, Told};
use crate::within;

/// How much of everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// For tests.
    Modest,
    /// For figures.
    Full,
}

/// A server, and what is needed to attack it.
pub(crate) struct Arena {
    pub(super) process: Process,
    pub(super) papers: Arc<Papers>,
    pub(super) size: Size,
    /// What it is about.
    name: &'static str,
    has_tls: bool,
    strangers: Cell<u32>,
}

/// How many addresses attackers have.
const ADDRESSES: u32 = 1000;

/// For how long the same is done again and again at full size, and how often at the most.
const LONG: (Duration, usize) = (Duration::from_secs(2), 1000);

impl Arena {
    /// A server for this case, with the settings that it needs beside the usual ones.
    pub(super) async fn start(
        program: &Path,
        papers: &Arc<Papers>,
        size: Size,
        case: &Case,
    ) -> Self {
        let mut arguments: Vec<String> = DEFAULTS.iter().map(ToString::to_string).collect();
        let directory = papers.directory().display();
        arguments.extend(case.server.iter().map(|setting| match setting.as_str() {
            "tls" | "tls_with_clients" => format!("{setting}={directory}"),
            other => other.to_owned(),
        }));
        Self {
            process: Process::start(program, &arguments).await,
            papers: Arc::clone(papers),
            size,
            name: case.name,
            has_tls: arguments.iter().any(|it| it.starts_with("tls")),
            strangers: Cell::new(0),
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.process.addr()
    }

    /// One of two numbers, by the size.
    pub(crate) fn either<T>(&self, modest: T, full: T) -> T {
        match self.size {
            Size::Modest => modest,
            Size::Full => full,
        }
    }

    /// Does it twice; or at full size for a while.
    pub(crate) async fn repeat(&self, mut work: impl AsyncFnMut() -> Told) -> Vec<Told> {
        let start = Instant::now();
        let mut told = Vec::new();
        let is_enough = |done: usize| match self.size {
            Size::Modest => done >= 2,
            Size::Full => done >= LONG.1 || start.elapsed() >= LONG.0,
        };
        while !is_enough(told.len()) {
            told.push(work().await);
        }
        told
    }

    /// An address from which nobody came for long.
    pub(crate) fn stranger(&self) -> Ipv4Addr {
        let number = self.strangers.get();
        self.strangers.set((number + 1) % ADDRESSES);
        Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 0)) + number)
    }

    /// A bare connection.
    pub(crate) async fn dial(&self) -> TcpStream {
        self.dial_from(self.stranger()).await
    }

    pub(crate) async fn dial_from(&self, from: Ipv4Addr) -> TcpStream {
        dial(from, self.addr()).await
    }

    /// A connection as an honest client has it, with TLS where the server has it.
    pub(crate) async fn peer(&self) -> Peer {
        self.peer_from(self.stranger()).await
    }

    pub(crate) async fn peer_from(&self, from: Ipv4Addr) -> Peer {
        let stream = self.dial_from(from).await;
        if self.has_tls {
            let shaken = Peer::tls(stream, self.tls()).await;
            shaken.unwrap_or_else(|told| panic!("{told} instead of TLS"))
        } else {
            Peer::plain(stream)
        }
    }

    /// How an honest client without a certificate speaks TLS.
    pub(crate) fn tls(&self) -> Arc<rustls::ClientConfig> {
        self.papers.raw_client(&[ALPN], None)
    }

    /// A session, whose application does this.
    pub(crate) async fn raw(&self, role: &str) -> Raw {
        self.raw_as(role, &Wish::open()).await
    }

    pub(crate) async fn raw_as(&self, role: &str, wish: &Wish<'_>) -> Raw {
        let opened = Raw::open(self.peer().await, wish).await;
        let mut raw = opened.unwrap_or_else(|told| panic!("{told} instead of a session"));
        raw.play(role).await;
        raw
    }

    /// How honest clients connect.
    pub(crate) fn client(&self) -> ClientBuilder {
        let show = async || Ok::<_, std::io::Error>(Credential::new("token", "healthy"));
        let client = Client::builder().credentials(show);
        if self.has_tls {
            client.tls(&self.papers.client())
        } else {
            client
        }
    }

    /// The same, in no hurry.
    pub(crate) fn patient_client(&self) -> ClientBuilder {
        self.client().first_connect(FirstConnect::Retry)
    }

    /// Where honest clients find it.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.addr().port())
    }

    /// Another honest client comes, says something, and goes.
    pub(crate) async fn newcomer(&self) {
        self.newcomer_by(&self.client()).await;
    }

    /// One that tries again if it does not get in.
    pub(crate) async fn latecomer(&self) {
        self.newcomer_by(&self.patient_client()).await;
    }

    async fn newcomer_by(&self, client: &ClientBuilder) {
        let come = async {
            let session = client.connect(self.host()).await;
            let mut session = session.unwrap_or_else(|error| panic!("{}", crate::chain(&error)));
            session.send_raw("listen").await.unwrap();
            let ready = session.recv().await.unwrap().unwrap();
            assert_eq!(&ready.data()[..], b"ready");
            session.close().await.unwrap();
        };
        within(format_args!("a newcomer: {}", self.name), come).await;
    }

    pub(crate) async fn figures(&self) -> Figures {
        self.process.figures().await
    }

    /// What the server said of attackers.
    pub(crate) fn said(&self) -> Vec<Line> {
        let mut said = self.process.said();
        said.retain(is_of_attacker);
        said
    }

    /// Waits until the server has said this of attackers so many times, or for long; whether it has.
    pub(crate) async fn has_said(&self, count: usize, is_it: impl Fn(&Line) -> bool) -> bool {
        let is_it = |line: &&Line| is_of_attacker(line) && is_it(line);
        let enough = |lines: &[Line]| lines.iter().filter(is_it).count() >= count;
        self.process.has_said(enough).await
    }
}

fn is_of_attacker(line: &Line) -> bool {
    line.peer != Some(Ipv4Addr::LOCALHOST.into())
}
