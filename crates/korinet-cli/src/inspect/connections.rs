//! The connections of a capture.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::decoder::{Decoder, Trust};
use super::lines::{self, Place, Printer};
use super::packet::Segment;
use super::reassembly::{Piece, Reassembly};
use crate::args::Inspect;

/// The most connections that are followed at a time; of more, the ones that began first are given up.
const MAX_CONNECTIONS: usize = 4096;

/// Both ends, the smaller address first.
type Ends = (SocketAddr, SocketAddr);

pub(super) struct Connections<'a> {
    args: &'a Inspect,
    open: HashMap<Ends, Connection>,
    /// In the order in which they began.
    order: VecDeque<Ends>,
    /// The number of the last one of KoriNet.
    last: u64,
}

struct Connection {
    client: SocketAddr,
    server: SocketAddr,
    /// Once something of KoriNet is found.
    number: Option<u64>,
    to_server: Direction,
    to_client: Direction,
}

struct Direction {
    reassembly: Reassembly,
    decoder: Decoder,
    is_over: bool,
}

impl<'a> Connections<'a> {
    pub(super) fn new(args: &'a Inspect) -> Self {
        Self {
            args,
            open: HashMap::new(),
            order: VecDeque::new(),
            last: 0,
        }
    }

    /// Takes a segment, and shows what is complete with it.
    pub(super) fn put(
        &mut self,
        segment: &Segment<'_>,
        time: Duration,
        printer: &mut Printer,
    ) -> io::Result<()> {
        let ports = [segment.from.port(), segment.to.port()];
        if self.args.port.is_some_and(|port| !ports.contains(&port)) {
            return Ok(());
        }
        let ends = ends(segment);
        // The same two ports again.
        let is_new = segment.syn && !segment.ack;
        if is_new && self.open.get(&ends).is_some_and(Connection::has_data) {
            self.close(ends, time, printer)?;
        }
        if !self.open.contains_key(&ends) {
            while self.order.len() >= MAX_CONNECTIONS {
                if let Some(oldest) = self.order.pop_front() {
                    self.close(oldest, time, printer)?;
                }
            }
            self.order.push_back(ends);
            self.open.insert(ends, Connection::new(segment, self.args));
        }
        let Some(connection) = self.open.get_mut(&ends) else {
            return Ok(());
        };
        connection.put(segment, time, &mut self.last, printer)
    }

    fn close(&mut self, ends: Ends, time: Duration, printer: &mut Printer) -> io::Result<()> {
        self.order.retain(|other| *other != ends);
        let Some(mut connection) = self.open.remove(&ends) else {
            return Ok(());
        };
        connection.end(time, &mut self.last, printer)
    }

    /// The capture is over at this time.
    pub(super) fn end(mut self, time: Duration, printer: &mut Printer) -> io::Result<()> {
        while let Some(ends) = self.order.front().copied() {
            self.close(ends, time, printer)?;
        }
        Ok(())
    }
}

fn ends(segment: &Segment<'_>) -> Ends {
    let (from, to) = (segment.from, segment.to);
    if from < to { (from, to) } else { (to, from) }
}

impl Connection {
    fn new(segment: &Segment<'_>, args: &Inspect) -> Self {
        let is_from_client = match (segment.syn, segment.ack) {
            (true, has_ack) => !has_ack,
            // In the middle of it: servers have the small ports.
            (false, _) => segment.from.port() > segment.to.port(),
        };
        let (client, server) = match is_from_client {
            true => (segment.from, segment.to),
            false => (segment.to, segment.from),
        };
        Self {
            client,
            server,
            number: None,
            to_server: Direction::new(args, segment.syn),
            to_client: Direction::new(args, segment.syn),
        }
    }

    /// Whether anything but the beginning was seen of it.
    const fn has_data(&self) -> bool {
        self.to_server.is_over || self.to_client.is_over || self.to_client.reassembly.has_begun()
    }

    fn put(
        &mut self,
        segment: &Segment<'_>,
        time: Duration,
        last: &mut u64,
        printer: &mut Printer,
    ) -> io::Result<()> {
        let is_from_client = segment.from == self.client;
        let direction = match is_from_client {
            true => &mut self.to_server,
            false => &mut self.to_client,
        };
        if segment.syn {
            direction.reassembly.begin(segment.number);
        }
        // A SYN has a number of its own.
        let number = segment.number.wrapping_add(u32::from(segment.syn));
        let mut pieces = Vec::new();
        let Ok(()) = direction
            .reassembly
            .put(number, segment.payload, &mut |piece| {
                pieces.push(Owned::from(&piece));
                Ok::<_, std::convert::Infallible>(())
            });
        self.read(is_from_client, &pieces, time, last, printer)?;
        if segment.is_last {
            self.end_direction(is_from_client, time, last, printer)?;
        }
        Ok(())
    }

    fn end(&mut self, time: Duration, last: &mut u64, printer: &mut Printer) -> io::Result<()> {
        for is_from_client in [true, false] {
            self.end_direction(is_from_client, time, last, printer)?;
        }
        Ok(())
    }

    fn end_direction(
        &mut self,
        is_from_client: bool,
        time: Duration,
        last: &mut u64,
        printer: &mut Printer,
    ) -> io::Result<()> {
        let direction = match is_from_client {
            true => &mut self.to_server,
            false => &mut self.to_client,
        };
        if direction.is_over {
            return Ok(());
        }
        direction.is_over = true;
        let mut pieces = Vec::new();
        let Ok(()) = direction.reassembly.end(&mut |piece| {
            pieces.push(Owned::from(&piece));
            Ok::<_, std::convert::Infallible>(())
        });
        pieces.push(Owned::End);
        self.read(is_from_client, &pieces, time, last, printer)
    }

    fn read(
        &mut self,
        is_from_client: bool,
        pieces: &[Owned],
        time: Duration,
        last: &mut u64,
        printer: &mut Printer,
    ) -> io::Result<()> {
        let (client, server) = (self.client, self.server);
        let direction = match is_from_client {
            true => &mut self.to_server,
            false => &mut self.to_client,
        };
        let number = &mut self.number;
        let mut show = |found: super::decoder::Found<'_>| {
            let connection = match *number {
                Some(number) => number,
                None => {
                    *last += 1;
                    introduce(*last, client, server, printer)?;
                    *number.insert(*last)
                }
            };
            let place = Place {
                segment: Some(lines::Segment {
                    connection,
                    is_from_client,
                    time,
                }),
                ..Place::default()
            };
            printer.print(&place, &found)
        };
        for piece in pieces {
            match piece {
                Owned::Bytes(bytes) => direction.decoder.feed(bytes, &mut show)?,
                Owned::Missing(count) => direction.decoder.miss(*count, &mut show)?,
                Owned::End => direction.decoder.finish(&mut show)?,
            }
        }
        Ok(())
    }
}

/// A piece that has left the reassembly.
enum Owned {
    Bytes(Vec<u8>),
    Missing(u64),
    End,
}

impl From<&Piece<'_>> for Owned {
    fn from(piece: &Piece<'_>) -> Self {
        match piece {
            Piece::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Piece::Missing(count) => Self::Missing(*count),
        }
    }
}

impl Direction {
    fn new(args: &Inspect, is_from_start: bool) -> Self {
        let mut decoder = Decoder::new(args, Trust::Sought);
        if !is_from_start {
            decoder.join();
        }
        Self {
            reassembly: Reassembly::default(),
            decoder,
            is_over: false,
        }
    }
}

fn introduce(
    number: u64,
    client: SocketAddr,
    server: SocketAddr,
    printer: &mut Printer,
) -> io::Result<()> {
    let object = json!({
        "connection": number,
        "client": client.to_string(),
        "server": server.to_string(),
    });
    printer.tell(object, &format!("connection {number}: {client} > {server}"))
}
