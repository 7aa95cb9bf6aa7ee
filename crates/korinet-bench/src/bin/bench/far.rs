//! A long way between the two processes: the proxy that breaks connections in tests, which can also delay them.

use std::net::Ipv4Addr;
use std::time::Duration;

use korinet_bench::Failure;
use korinet_chaos::{Faults, Proxy};
use tokio::runtime::{Builder, Runtime};

pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);

/// The bytes that may be unacknowledged, for peers that have such a bound: what a way of 640 MB/s holds. The proxy
/// itself holds 16 MiB in each direction, for all peers, so 330 MB/s are the most that it carries.
pub(crate) const WINDOW: usize = 64 * 1024 * 1024;

/// Carries connections until it is dropped.
#[derive(Debug)]
pub(crate) struct Far {
    proxy: Option<Proxy>,
    port: u16,
    runtime: Option<Runtime>,
}

impl Far {
    /// The way to this server.
    pub(crate) fn before(port: u16) -> Result<Self, Failure> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let target = format!("{}:{port}", Ipv4Addr::LOCALHOST);
        let faults = Faults::new(0).delayed(ROUND_TRIP / 2);
        let proxy = runtime.block_on(Proxy::bind((Ipv4Addr::LOCALHOST, 0), target, faults))?;
        Ok(Self {
            port: proxy.addr().port(),
            proxy: Some(proxy),
            runtime: Some(runtime),
        })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let (proxy, runtime) = (self.proxy.take(), self.runtime.take());
        if let Some(runtime) = runtime {
            let inside = runtime.enter();
            drop(proxy);
            drop(inside);
            runtime.shutdown_background();
        }
    }
}
