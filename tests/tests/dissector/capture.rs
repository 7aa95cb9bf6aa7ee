//! Capture files as `tcpdump` writes them, of connections that are made up of bytes.

use std::io;
use std::path::Path;

/// The port of every server in a capture.
pub(crate) const SERVER_PORT: u16 = 1235;

/// The first of the clients' ports: that of the connection of that number.
const FIRST_CLIENT_PORT: u16 = 20_000;

/// The longest segment: less than what an IP packet can carry.
const MAX_SEGMENT: usize = 30_000;

/// Packets that begin with their IP header.
const LINKTYPE_RAW: u32 = 101;

const SYN: u8 = 0x02;
const PSH_ACK: u8 = 0x18;
const SYN_ACK: u8 = 0x12;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum From {
    Client,
    Server,
}

/// A capture that is being put together.
pub(crate) struct Capture {
    file: Vec<u8>,
    packets: u32,
    /// For each connection, what number the next byte of the client has, and of the server.
    next: Vec<[u32; 2]>,
}

impl Capture {
    pub(crate) fn new() -> Self {
        let mut file = Vec::new();
        file.extend(0xa1b2_c3d4_u32.to_le_bytes());
        file.extend(2_u16.to_le_bytes());
        file.extend(4_u16.to_le_bytes());
        file.extend([0; 8]);
        file.extend(262_144_u32.to_le_bytes());
        file.extend(LINKTYPE_RAW.to_le_bytes());
        Self {
            file,
            packets: 0,
            next: Vec::new(),
        }
    }

    /// Opens a connection, with a capture that begins before it; its number.
    pub(crate) fn open(&mut self) -> usize {
        let connection = self.join();
        // One before the end of the numbers, so that they start again from zero.
        self.next[connection] = [u32::MAX - 5, 77];
        self.segment(connection, From::Client, SYN, &[]);
        self.next[connection][0] = self.next[connection][0].wrapping_add(1);
        self.segment(connection, From::Server, SYN_ACK, &[]);
        self.next[connection][1] += 1;
        connection
    }

    /// A connection that was open before the capture began; its number.
    pub(crate) fn join(&mut self) -> usize {
        self.next.push([1, 1]);
        self.next.len() - 1
    }

    /// Adds what one end sent, in segments of at most `most` bytes.
    pub(crate) fn send_by(&mut self, connection: usize, from: From, bytes: &[u8], most: usize) {
        for part in bytes.chunks(most.min(MAX_SEGMENT)) {
            self.segment(connection, from, PSH_ACK, part);
            let next = &mut self.next[connection][from.index()];
            *next = next.wrapping_add(u32::try_from(part.len()).unwrap());
        }
    }

    pub(crate) fn send(&mut self, connection: usize, from: From, bytes: &[u8]) {
        self.send_by(connection, from, bytes, MAX_SEGMENT);
    }

    fn segment(&mut self, connection: usize, from: From, flags: u8, payload: &[u8]) {
        let client = FIRST_CLIENT_PORT + u16::try_from(connection).unwrap();
        let ports = match from {
            From::Client => [client, SERVER_PORT],
            From::Server => [SERVER_PORT, client],
        };
        let mut tcp = ports.map(u16::to_be_bytes).concat();
        let next = self.next[connection];
        tcp.extend(next[from.index()].to_be_bytes());
        tcp.extend(next[1 - from.index()].to_be_bytes());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        let len = u16::try_from(20 + tcp.len() + payload.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(len.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        packet.extend([127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(tcp);
        packet.extend(payload);

        self.packets += 1;
        let len = u32::try_from(packet.len()).unwrap();
        for word in [1_700_000_000 + self.packets, 0, len, len] {
            self.file.extend(word.to_le_bytes());
        }
        self.file.extend(packet);
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.file)
    }
}

impl From {
    const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}
