//! Peers that mean harm, over real sockets: what each of them gets, what it is told, what it costs the server's process,
//! and what a healthy session beside it notices.
//!
//! The server is a process of its own (the program `hostile_server`), so that its memory is its own, too. The healthy
//! session has a thread of its own, and comes from 127.0.0.1; attackers come from all over 127.0.0.0/8.

mod arena;
mod case;
pub mod cases;
mod healthy;
mod hello;
mod papers;
mod peer;
mod placement;
mod process;
mod raw;
mod report;
mod serve;
mod settings;
mod told;

use arena::Arena;
pub use arena::Size;
pub use case::{Case, run};
pub use papers::Papers;
pub use placement::apart;
pub use report::Report;
pub use serve::serve;
use told::Told;
