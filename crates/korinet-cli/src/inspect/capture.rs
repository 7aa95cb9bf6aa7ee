//! Files of captured packets, as `tcpdump` and Wireshark write them.
//!
//! What is read: pcap and pcapng; Ethernet with VLAN tags, loopback, raw IP and Linux's "any"; IPv4 and IPv6; TCP in any
//! order, with repetitions and gaps. Not: fragments of IP, packets in tunnels.

use std::io::{self, Read};
use std::time::Duration;

use pcap_parser::pcapng::Block;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Linktype, PcapBlockOwned, PcapError, create_reader};

use super::connections::Connections;
use super::lines::Printer;
use super::{name, packet};
use crate::args::Inspect;
use crate::failure::Failure;

/// Room for the largest packet that there is, and what surrounds it.
const BUFFER: usize = 1024 * 1024;

/// The most interfaces of a pcapng file.
const MAX_INTERFACES: usize = 1024;

/// How pcap and pcapng begin, in both orders of bytes, the last two of pcap with nanoseconds.
const MAGICS: [[u8; 4]; 5] = [
    [0x0a, 0x0d, 0x0d, 0x0a],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
];

pub(super) fn is_one(start: &[u8]) -> bool {
    MAGICS.iter().any(|magic| start.starts_with(magic))
}

/// What packets there are on.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link: Linktype,
    /// Ticks of its clock in a second.
    resolution: u64,
    /// What is to be added to its times, in seconds.
    offset: i64,
}

/// A capture as far as it is read.
struct Reader<'a, 'p> {
    interfaces: Vec<Interface>,
    /// Of the first packet.
    start: Option<Duration>,
    time: Duration,
    connections: Connections<'a>,
    printer: &'p mut Printer,
}

pub(super) fn read(
    source: impl Read + Send,
    args: &Inspect,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut packets = create_reader(BUFFER, source).map_err(|error| broken(args, &error))?;
    let mut reader = Reader {
        interfaces: Vec::new(),
        start: None,
        time: Duration::ZERO,
        connections: Connections::new(args),
        printer,
    };
    let read = read_packets(&mut *packets, &mut reader, args);
    // What there is, is shown, also if the rest cannot be read.
    let time = reader.time;
    let ended = reader.connections.end(time, reader.printer);
    ended.map_err(|error| Failure::from_stdout(&error))?;
    reader
        .printer
        .flush()
        .map_err(|error| Failure::from_stdout(&error))?;
    read
}

fn read_packets(
    packets: &mut dyn PcapReaderIterator,
    reader: &mut Reader<'_, '_>,
    args: &Inspect,
) -> Result<(), Failure> {
    let mut has_refilled = false;
    loop {
        let next = match packets.next() {
            Ok((len, block)) => {
                reader.block(&block)?;
                Ok(len)
            }
            Err(error) => Err(error.to_owned_vec()),
        };
        match next {
            Ok(len) => {
                packets.consume(len);
                has_refilled = false;
            }
            Err(PcapError::Eof) => return Ok(()),
            // A file that was cut, or to which packets are still added, may end anywhere.
            Err(PcapError::Incomplete(_)) if has_refilled && packets.reader_exhausted() => {
                return Err(Failure::Told(format!(
                    "{} ends within a packet",
                    name(&args.file)
                )));
            }
            Err(PcapError::Incomplete(_)) => {
                has_refilled = true;
                let shown = reader.printer.flush();
                shown.map_err(|error| Failure::from_stdout(&error))?;
                packets.refill().map_err(|error| broken(args, &error))?;
            }
            Err(error) => return Err(broken(args, &error)),
        }
    }
}

fn broken(args: &Inspect, error: &PcapError<&[u8]>) -> Failure {
    let why = match error {
        PcapError::UnexpectedEof => "ends within a packet".to_owned(),
        PcapError::Eof | PcapError::Incomplete(_) => "ends within its header".to_owned(),
        PcapError::BufferTooSmall => {
            format!("has a packet of more than {BUFFER} bytes, the most that is taken")
        }
        PcapError::ReadError => "cannot be read".to_owned(),
        PcapError::HeaderNotRecognized | PcapError::NomError(..) | PcapError::OwnedNomError(..) => {
            "is no file of pcap or pcapng, or is damaged".to_owned()
        }
    };
    Failure::Told(format!("{} {why}", name(&args.file)))
}

impl Reader<'_, '_> {
    fn block(&mut self, block: &PcapBlockOwned<'_>) -> Result<(), Failure> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => self.interface(Interface {
                link: header.network,
                resolution: if header.is_nanosecond_precision() {
                    1_000_000_000
                } else {
                    1_000_000
                },
                offset: 0,
            }),
            PcapBlockOwned::Legacy(packet) => {
                let nanos = match self.interfaces.first() {
                    Some(interface) if interface.resolution == 1_000_000_000 => packet.ts_usec,
                    _ => packet.ts_usec.saturating_mul(1000),
                };
                let time = Duration::new(packet.ts_sec.into(), nanos.min(999_999_999));
                self.packet(0, time, packet.data)
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                self.interfaces.clear();
                Ok(())
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                self.interface(Interface {
                    link: interface.linktype,
                    resolution: interface.ts_resolution().unwrap_or(1_000_000),
                    offset: interface.ts_offset(),
                })
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let id = usize::try_from(packet.if_id).unwrap_or(usize::MAX);
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let time = self
                    .interfaces
                    .get(id)
                    .map_or(Duration::ZERO, |it| it.time(ticks));
                self.packet(id, time, packet.packet_data())
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                self.packet(0, self.start.unwrap_or_default(), packet.packet_data())
            }
            PcapBlockOwned::NG(_) => Ok(()),
        }
    }

    fn interface(&mut self, interface: Interface) -> Result<(), Failure> {
        if !packet::is_known(interface.link) {
            crate::output::tell(format_args!(
                "korinet: packets of link type {} are not read",
                interface.link.0
            ));
        }
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Failure::Told(format!(
                "more than {MAX_INTERFACES} interfaces, the most that are taken"
            )));
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn packet(&mut self, interface: usize, time: Duration, data: &[u8]) -> Result<(), Failure> {
        let Some(link) = self
            .interfaces
            .get(interface)
            .map(|interface| interface.link)
        else {
            return Ok(());
        };
        let start = *self.start.get_or_insert(time);
        self.time = time.saturating_sub(start);
        let Some(segment) = packet::segment(link, data) else {
            return Ok(());
        };
        let shown = self.connections.put(&segment, self.time, self.printer);
        shown.map_err(|error: io::Error| Failure::from_stdout(&error))
    }
}

impl Interface {
    fn time(self, ticks: u64) -> Duration {
        let resolution = self.resolution.max(1);
        let seconds = (ticks / resolution).saturating_add_signed(self.offset);
        let nanos = u128::from(ticks % resolution) * 1_000_000_000 / u128::from(resolution);
        Duration::new(seconds, u32::try_from(nanos).unwrap_or_default())
    }
}
