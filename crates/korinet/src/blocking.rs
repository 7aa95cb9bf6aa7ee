//! The same without async, for scripts and small programs: calls wait, and a thread may serve each session.
//!
//! Available with the feature `blocking`, which needs no other crate.
//!
//! ```
//! use korinet::blocking::{Client, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind("127.0.0.1:0")?;
//! let addr = server.local_addr()?.to_string();
//! let client = std::thread::spawn(move || {
//!     let session = Client::connect(addr)?;
//!     session.send("ping")?; // acknowledged when this returns
//!     let receipt = session.enqueue("pong")?; // under way
//!     receipt.wait()?; // acknowledged
//!     session.close()?;
//!     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! });
//!
//! let mut session = server.accept().expect("nobody shuts it down");
//! for message in session.iter() {
//!     println!("{:?}", message?.value()?);
//! }
//! # client.join().unwrap().unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! [Requests](crate::call) are asked and answered alike:
//!
//! ```
//! use korinet::blocking::{Client, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind("127.0.0.1:0")?;
//! let addr = server.local_addr()?.to_string();
//! let answering = std::thread::spawn(move || {
//!     let session = server.accept().expect("nobody shuts it down");
//!     for request in &mut session.requests() {
//!         let Ok(request) = request else { break };
//!         let answered = match request.decode::<(u32, u32)>() {
//!             Ok((a, b)) => request.respond(&(a + b)),
//!             Err(error) => request.fail(error.to_string()),
//!         };
//!         if answered.is_err() {
//!             break; // whoever asked is gone
//!         }
//!     }
//! });
//! let session = Client::connect(addr)?;
//! assert_eq!(session.request::<_, u32>(&(40, 2))?, 42);
//! session.close()?;
//! # answering.join().unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # Where the work is done
//!
//! One thread does it, `korinet`, for all clients and servers of the process. It starts with the first of them and goes
//! on as long as the process: sessions keep their connections, acknowledge and connect again whatever the other threads
//! do, and one that is dropped brings what it had accepted to the peer as [`Session`] says. A process that ends does not
//! wait for that: [`Session::close`] does.
//!
//! # Within async code
//!
//! It works there too, without a panic, but each call blocks the thread of the executor for as long as it waits, as any
//! call that blocks does: where that thread has to do its part for the wait to end, it does not. Async code has
//! [`crate::Client`] and [`crate::Server`]; or a thread for what blocks, as by `tokio::task::spawn_blocking`.
//!
//! Settings are those of [`ClientBuilder`](crate::ClientBuilder) and [`ServerBuilder`](crate::ServerBuilder):
//! [`Client::connect_with`], [`Server::bind_with`]. What they are told to call, as for credentials, is called on that one
//! thread, and is not to block.

mod call;
mod client;
mod receiver;
mod sender;
mod server;
mod session;
mod worker;

pub use call::{Call, CallBuilder, Request, RequestIter, Requests};
pub use client::Client;
pub use receiver::{Iter, Receiver, RecvTimeoutError, VolatileReceiver};
pub use sender::{Receipt, Sender};
pub use server::Server;
pub use session::Session;
