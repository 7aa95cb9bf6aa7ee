use crate::{ConnectError, Session};

mod builder;
mod connect;

pub use builder::ClientBuilder;

/// Where a session begins on the side that dials.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let session = korinet::Client::connect("127.0.0.1:1235").await?;
/// session.send("a message").await?; // acknowledged when this resolves
/// session.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Client {}

impl Client {
    /// Connects to `host:port` with the settings of [`ClientBuilder::default`].
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn connect(addr: impl Into<String>) -> Result<Session, ConnectError> {
        Self::builder().connect(addr).await
    }

    /// Settings for a session, to be changed before it connects.
    #[must_use]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}
