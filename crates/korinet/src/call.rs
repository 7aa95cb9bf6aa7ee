//! Calls: requests with one answer, and streams of items in both directions.
//!
//! Either side of a [session](crate::Session) may ask, as often and as much at the same time as it likes; answers come
//! in any order. A call is made of ordinary messages: it does not notice when its connection breaks and another takes
//! its place, and each request runs once. Where a call fails, [`CallError::ran`] says whether it did.
//!
//! ```
//! use korinet::call::Failure;
//! use korinet::{Client, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind("127.0.0.1:0").await?;
//! let addr = server.local_addr()?.to_string();
//! tokio::spawn(async move {
//!     while let Some(session) = server.accept().await {
//!         tokio::spawn(session.requests().serve(|(a, b): (u32, u32)| async move {
//!             a.checked_div(b).ok_or_else(|| Failure::new("division by zero"))
//!         }));
//!     }
//! });
//!
//! let session = Client::connect(addr).await?;
//! assert_eq!(session.request::<_, u32>(&(84, 2)).await?, 42);
//! let error = session.request::<_, u32>(&(1, 0)).await.unwrap_err();
//! assert_eq!(error.to_string(), "request failed: division by zero");
//! # Ok(())
//! # }
//! ```
//!
//! Calls need protocol v3. Requests are read apart from messages, so none waits for a message that is not read. Where
//! nobody has asked for [`Session::requests`](crate::Session::requests) by the time the application reads messages,
//! they are answered as `unhandled`.

mod body;
mod builder;
mod error;
mod failure;
mod incoming;
mod outgoing;
mod requests;
mod trace_context;

pub use body::Body;
pub use builder::CallBuilder;
pub use error::CallError;
pub use failure::Failure;
pub use incoming::Request;
pub use korinet_session::v3::CallLimits;
pub use korinet_wire::v3::{FailureCode, Ran};
pub use outgoing::Call;
pub use requests::Requests;
pub use trace_context::{ParseTraceContextError, TraceContext};
