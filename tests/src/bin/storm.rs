//! Prints how a crowd of clients comes back to a server that was gone; called by `cargo xtask storm`.
#![expect(clippy::print_stdout, reason = "a command line tool talks through it")]

use std::time::Duration;

use korinet_tests::measure::{idle, threads};

const COUNT: usize = 3_000;
const DOWN: Duration = Duration::from_secs(3);

fn main() {
    println!("{COUNT} clients whose server is gone for {DOWN:?}");
    let storm = threads().block_on(idle::storm(COUNT, DOWN));
    println!(
        "  all back {:?} after the new server's start, {} connections",
        storm.all_back, storm.connections
    );
}
