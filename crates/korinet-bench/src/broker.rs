use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::{Endpoint, Failure};

/// How long a broker may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// The process of a broker, which ends with this; it is measured in the place of the server.
#[derive(Debug)]
pub struct Broker {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Broker {
    /// Starts what `command` makes of a free port and a new folder for its files, which goes when the broker does, and
    /// waits until it listens.
    ///
    /// # Errors
    ///
    /// It does not start, or does not listen in time.
    pub async fn start(
        name: &str,
        command: impl FnOnce(u16, &Path) -> Result<Command, Failure>,
    ) -> Result<Self, Failure> {
        // Another program can take it meanwhile, and then the broker says so and ends.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let folder = std::env::temp_dir().join(format!("korinet-bench-{name}-{}", process::id()));
        fs::create_dir_all(&folder)?;
        let mut command = command(port, &folder)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
        let mut broker = Self {
            child,
            port,
            folder,
        };
        broker.until_it_listens().await?;
        Ok(broker)
    }

    async fn until_it_listens(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the broker ended: {status}").into());
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
                .await
                .is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("the broker did not listen within {PATIENCE:?}").into())
    }

    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            process: Some(self.child.id()),
            ..Endpoint::plain(self.port)
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
