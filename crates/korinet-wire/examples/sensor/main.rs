//! A sensor on a machine without an operating system, which reports to a server of protocol v2.
//!
//! All that is for the device is in `device.rs`, which has no `std` and no allocator: `cargo xtask ci` links it without
//! either. This file is a stand-in for the board's network: `sensor HOST:PORT`.

#![allow(clippy::print_stderr, reason = "for a terminal")]

mod device;

use std::error::Error;
use std::io::{Read, Write, stdout};
use std::net::TcpStream;
use std::process::ExitCode;

use device::Link;
use korinet_wire::v2::MessageId;

fn run(addr: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(addr)?;
    let mut link = Link::new();
    let mut output = [0; 128];
    for (number, celsius) in [(1, 21.5), (2, 21.25), (3, 21.0)] {
        // The real thing draws them at random: ids must not come twice.
        let id = MessageId::from_bytes([number; 16]);
        let len = link.report(&id, "roof", celsius, &mut output);
        let frame = len.and_then(|len| output.get(..len)).ok_or("no room")?;
        stream.write_all(frame)?;
        let mut byte = [0];
        loop {
            stream.read_exact(&mut byte)?;
            if link.receive(byte[0]).map_err(|_| "what came is no frame")? {
                break;
            }
        }
        writeln!(stdout(), "{celsius} is acknowledged")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let ended = match std::env::args().nth(1) {
        Some(addr) => run(&addr),
        None => Err("usage: sensor HOST:PORT".into()),
    };
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{error}");
    ExitCode::FAILURE
}
