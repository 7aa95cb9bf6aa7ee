//! What the codec and the state machines take, by time and on their own: to see what a change does before the whole is
//! measured. The figures are of this machine and this moment; beside them, where there is one, is what `minicbor` alone
//! takes for the same.
#![allow(
    clippy::unwrap_used,
    reason = "a program that is run by hand, on data of its own"
)]

mod codec;
mod windows;

/// The bytes of the payloads.
const SIZES: [usize; 3] = [16, 64, 1024];

fn main() {
    divan::main();
}
