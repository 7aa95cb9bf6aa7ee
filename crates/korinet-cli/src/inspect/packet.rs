//! From a captured packet to the segment of TCP in it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::Linktype;

/// What two programs of a connection send each other at a time.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// The number of its first byte, or of the SYN.
    pub(super) number: u32,
    pub(super) syn: bool,
    pub(super) ack: bool,
    /// FIN or RST: nothing comes after it.
    pub(super) is_last: bool,
    pub(super) payload: &'a [u8],
}

/// The segment in a packet that was captured on a link of this type; `None` for all other packets.
pub(super) fn segment(link: Linktype, data: &[u8]) -> Option<Segment<'_>> {
    let packet = match link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok()?,
        // Raw IP has several numbers: the last is of IPv6 alone.
        Linktype::RAW | Linktype::IPV4 | Linktype(12 | 14 | 229) => {
            LaxSlicedPacket::from_ip(data).ok()?
        }
        // Loopback of BSD: the family of addresses, as four bytes.
        Linktype::NULL | Linktype::LOOP => LaxSlicedPacket::from_ip(data.get(4..)?).ok()?,
        Linktype::LINUX_SLL => after_ether_type(data, 14, 16)?,
        Linktype::LINUX_SLL2 => after_ether_type(data, 0, 20)?,
        _ => return None,
    };
    let (from, to): (IpAddr, IpAddr) = match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
        return None;
    };
    Some(Segment {
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        number: tcp.sequence_number(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        is_last: tcp.fin() || tcp.rst(),
        payload: tcp.payload(),
    })
}

/// The packet behind a header of `len` bytes that says at `at` what it is.
fn after_ether_type(data: &[u8], at: usize, len: usize) -> Option<LaxSlicedPacket<'_>> {
    let ty = u16::from_be_bytes(*data.get(at..)?.first_chunk()?);
    Some(LaxSlicedPacket::from_ether_type(
        EtherType(ty),
        data.get(len..)?,
    ))
}

/// Whether the segments on such a link can be read.
pub(super) const fn is_known(link: Linktype) -> bool {
    matches!(
        link,
        Linktype::ETHERNET
            | Linktype::RAW
            | Linktype::IPV4
            | Linktype(12 | 14 | 229)
            | Linktype::NULL
            | Linktype::LOOP
            | Linktype::LINUX_SLL
            | Linktype::LINUX_SLL2
    )
}
