use std::fs;
use std::path::Path;

use etherparse::PacketBuilder;
use serde_json::Value;

use crate::dir::Dir;
use crate::run::Korinet;

const PREFACE: &[u8] = b"\xcbKNT\x03\0\0\0";

/// DATA 1 with `{"type": "ping"}`, ACK of it, CLOSE.
const DATA: &[u8] = b"\0\0\0\x10\x84\x04\x01\0\x4b\xa1\x64type\x64ping";
const ACK: &[u8] = b"\0\0\0\x03\x82\x05\x02";
const CLOSE: &[u8] = b"\0\0\0\x0b\x82\x09\xa4\0\0\x01\x60\x02\0\x03\x02";

/// Runs the command with this on stdin.
fn inspect(args: &[&str], stdin: &[u8]) -> (i32, Vec<String>, Vec<String>) {
    let mut command = Korinet::start(&[&["inspect"], args].concat());
    command.write_bytes(stdin);
    command.end()
}

fn file(dir: &Dir, name: &str, bytes: &[u8]) -> String {
    let path = dir.path(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn vectors(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn hex_is_read_as_it_is_pasted() {
    let text =
        "00 00 00 10 84 04 01 00 4b a1 64 74 79 70 65 64 70 69 6e 67\n0x00000003,0x820502 # ACK\n";
    let (code, out, err) = inspect(&[], text.as_bytes());
    assert_eq!((code, &err[..]), (0, &[][..]));
    assert_eq!(
        out,
        [
            "      0  DATA seq=1 kind=message len=11 {\"type\": \"ping\"}",
            "     20  ACK next=2",
        ]
    );
}

#[test]
fn each_vector_of_a_file_is_a_stream_of_its_own() {
    let (code, out, err) = inspect(&[&vectors("ack.txt")], b"");
    assert_eq!(
        (code, err),
        (1, vec!["korinet: 6 frames are malformed".to_owned()])
    );
    assert!(
        out.contains(&"      0  ACK next=8 digest=0badcafe".to_owned()),
        "{out:?}"
    );
    let malformed = "      0  MALFORMED next is 0, expected 1 to 18446744073709551615, at byte 6 (frame-malformed)";
    assert!(out.contains(&malformed.to_owned()), "{out:?}");
}

#[test]
fn raw_bytes_of_v3_and_v2_are_told_apart() {
    let v3 = [PREFACE, DATA, ACK, CLOSE].concat();
    let (code, out, _) = inspect(&["--payload", "0"], &v3);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        [
            "      0  PREFACE v3",
            "      8  DATA seq=1 kind=message len=11",
            "     28  ACK next=2",
            "     35  CLOSE end next=2 code=done text=\"\"",
        ]
    );
    let v2 = [
        crate::run::frame(b"\xa1\x64type\x64ping"),
        crate::run::frame(b"\xa1\x67statusP\xf5"),
    ]
    .concat();
    let (code, out, _) = inspect(&[], &v2);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        [
            "      0  MESSAGE id=\"1\" len=11 {\"type\": \"ping\"}",
            "     26  ACKNOWLEDGEMENT id=\"1\" len=10 {\"statusP\": true}",
        ]
    );
}

#[test]
fn json_has_every_field_and_no_secret() {
    let open = vectors("welcome.txt");
    let (_, out, _) = inspect(&["--json", &open], b"");
    let lines: Vec<Value> = out
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let opened = lines
        .iter()
        .find(|line| line["fields"]["opened"]["key"] == true)
        .unwrap();
    assert_eq!(opened["frame"], "WELCOME");
    assert_eq!(opened["protocol"], "v3");
    assert!(opened["fields"]["opened"]["limits"].is_array());
    let malformed = lines
        .iter()
        .find(|line| line["malformed"].is_object())
        .unwrap();
    assert_eq!(malformed["malformed"]["code"], "frame-malformed");

    let (_, out, _) = inspect(&["--json"], &[PREFACE, DATA].concat());
    let data: Value = serde_json::from_str(&out[1]).unwrap();
    assert_eq!(
        data["fields"]["payload"],
        serde_json::json!({"type": "ping"})
    );
    assert_eq!((&data["offset"], &data["length"]), (&8.into(), &20.into()));
    assert_eq!(data["fields"]["seq"], 1);
}

#[test]
fn after_something_malformed_nothing_of_that_stream_is_looked_at() {
    let bytes = [PREFACE, b"\0\0\0\x03\x82\x05\0", ACK, ACK].concat();
    let (code, out, err) = inspect(&[], &bytes);
    assert_eq!(
        (code, &err[..]),
        (1, &["korinet: 1 frame is malformed".to_owned()][..])
    );
    assert_eq!(
        out,
        [
            "      0  PREFACE v3",
            "      8  MALFORMED next is 0, expected 1 to 18446744073709551615, at byte 14 (frame-malformed)",
            "      8  21 bytes not read, from the malformed frame on",
        ]
    );
}

#[test]
fn what_is_not_whole_is_told() {
    let (code, out, _) = inspect(&["--input", "raw"], &[PREFACE, &DATA[..9]].concat());
    assert_eq!(code, 0);
    assert_eq!(
        out[1],
        "      8  INCOMPLETE 9 bytes of a frame, 11 more are needed"
    );
    let (code, _, err) = inspect(&[], b"GET / HTTP/1.1\r\n\r\n");
    let expect = "korinet: standard input has no hex digits; --input raw takes it for bytes";
    assert_eq!((code, err), (1, vec![expect.to_owned()]));
    let (code, out, _) = inspect(&["--input", "raw"], b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(code, 1);
    assert!(
        out[0].contains("exceeds limit 67108864: the peer seems to speak HTTP"),
        "{out:?}"
    );
}

/// A capture of Ethernet, as `tcpdump` writes it: segments from the client (`true`) and the server.
struct Tcpdump {
    file: Vec<u8>,
    packets: u32,
}

impl Tcpdump {
    fn new() -> Self {
        let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
        file.reserve(1000);
        Self { file, packets: 0 }
    }

    fn add(
        &mut self,
        client_port: u16,
        is_from_client: bool,
        number: u32,
        flags: &str,
        payload: &[u8],
    ) {
        let (client, server) = ((client_port, [10, 0, 0, 1]), (1235, [10, 0, 0, 2]));
        let (from, to) = match is_from_client {
            true => (client, server),
            false => (server, client),
        };
        let packet = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(from.1, to.1, 64);
        let mut packet = packet.tcp(from.0, to.0, number, 65535);
        if flags.contains('S') {
            packet = packet.syn();
        }
        if flags.contains('F') {
            packet = packet.fin();
        }
        if flags.contains('.') {
            packet = packet.ack(1);
        }
        let mut bytes = Vec::new();
        packet.write(&mut bytes, payload).unwrap();
        let len = u32::try_from(bytes.len()).unwrap();
        for word in [self.packets, 250_000, len, len] {
            self.file.extend(word.to_le_bytes());
        }
        self.file.extend(bytes);
        self.packets += 1;
    }

    fn open(&mut self, client_port: u16, number: u32) {
        self.add(client_port, true, number, "S", b"");
        self.add(client_port, false, 900, "S.", b"");
    }
}

#[test]
fn a_capture_is_put_together_in_both_directions() {
    let mut capture = Tcpdump::new();
    // The client's numbers start again from zero within the first frame.
    let first = u32::MAX - 9;
    capture.open(40_001, first - 1);
    let sent = [PREFACE, DATA, CLOSE].concat();
    let number = |at: u32| first.wrapping_add(at);
    capture.add(40_001, true, number(0), ".", &sent[..5]);
    // Out of order, once more, and with a part that came before.
    capture.add(40_001, true, number(20), ".", &sent[20..]);
    capture.add(40_001, true, number(0), ".", &sent[..5]);
    capture.add(40_001, true, number(3), ".", &sent[3..20]);
    capture.add(40_001, false, 901, "F.", &[PREFACE, ACK].concat());
    let (code, out, err) = inspect(&[], &capture.file);
    assert_eq!((code, &err[..]), (0, &[][..]));
    assert_eq!(
        out,
        [
            "connection 1: 10.0.0.1:40001 > 10.0.0.2:1235",
            "  5.000000   1 > PREFACE v3",
            "  5.000000   1 > DATA seq=1 kind=message len=11 {\"type\": \"ping\"}",
            "  5.000000   1 > CLOSE end next=2 code=done text=\"\"",
            "  6.000000   1 < PREFACE v3",
            "  6.000000   1 < ACK next=2",
        ]
    );
}

#[test]
fn a_capture_may_begin_in_the_middle_and_have_gaps() {
    let mut capture = Tcpdump::new();
    let sent = [DATA, DATA, ACK, DATA, ACK].concat();
    let number = |at: usize| 5000 + u32::try_from(at).unwrap();
    capture.add(40_001, true, number(7), ".", &sent[7..20]);
    capture.add(40_001, true, number(20), ".", &sent[20..47]);
    // The third DATA is not there.
    capture.add(40_001, true, number(67), ".", &sent[67..]);
    let (code, out, _) = inspect(&["--payload", "0"], &capture.file);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        [
            "connection 1: 10.0.0.1:40001 > 10.0.0.2:1235",
            "  1.000000   1 > passed over 13 bytes before a frame begins",
            "  1.000000   1 > DATA seq=1 kind=message len=11",
            "  1.000000   1 > ACK next=2",
            "  2.000000   1 > MISSING 20 bytes, the capture does not have them",
            "  2.000000   1 > ACK next=2",
        ]
    );
}

#[test]
fn other_connections_of_a_capture_are_left_out() {
    let mut capture = Tcpdump::new();
    for (port, bytes) in [
        (40_001, &b"GET / HTTP/1.1\r\n\r\n"[..]),
        (40_002, PREFACE),
        (40_003, b"\0\0\0\0\0\0"),
        (40_004, b"\0\0\x01\x02\x03\x04\x05\x06\x07"),
    ] {
        capture.open(port, 77);
        capture.add(port, true, 78, ".", bytes);
    }
    let (code, out, _) = inspect(&[], &capture.file);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        [
            "connection 1: 10.0.0.1:40002 > 10.0.0.2:1235",
            "  5.000000   1 > PREFACE v3",
        ]
    );
    let (_, out, _) = inspect(&["--port", "40003"], &capture.file);
    assert_eq!(out, Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_told() {
    let dir = Dir::new("inspect");
    let damaged = file(&dir, "damaged.pcap", b"\xd4\xc3\xb2\xa1\x02");
    let mut cut = Tcpdump::new();
    cut.open(40_001, 1);
    let cut = file(&dir, "cut.pcap", &cut.file[..cut.file.len() - 3]);
    let hex = file(&dir, "hex", b"00 00\n00 0g\n");
    for (path, expect) in [
        (
            "/nowhere",
            "cannot read /nowhere: No such file or directory",
        ),
        (&damaged, "ends within its header"),
        (&cut, "ends within a packet"),
        (&hex, "line 2: found \"0g\", expected pairs of hex digits"),
    ] {
        let (code, _, err) = inspect(&[path], b"");
        assert_eq!(code, 1, "{path}");
        assert!(err.len() == 1 && err[0].contains(expect), "{err:?}");
    }
}

/// What a session on this machine has recorded of a message of its own, answered.
fn flight_record() -> String {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let server = korinet::Server::bind("127.0.0.1:0").await.unwrap();
        let addr = server.local_addr().unwrap().to_string();
        let client = korinet::Client::builder().flight_recorder(16);
        let (client, accepted) = tokio::join!(client.connect(addr), server.accept());
        let (client, _accepted) = (client.unwrap(), accepted.unwrap());
        client.send("nobody's business").await.unwrap();
        client.flight_record().unwrap().to_string()
    })
}

#[test]
fn the_flight_record_of_a_session_is_read() {
    let record = flight_record();
    let dir = Dir::new("flight");
    // Of two sides, one after the other.
    let path = file(&dir, "session.flight", record.repeat(2).as_bytes());
    let (code, out, err) = inspect(&[&path], b"");
    assert_eq!((code, &err[..]), (0, &[][..]));
    assert_eq!(out.len(), 2 * record.lines().count());
    assert_eq!(Some(&out[0][..]), record.lines().next());
    let shown = |text: &str| out.iter().any(|line| line.ends_with(text));
    assert!(shown("   1 * attached, opened"), "{out:?}");
    assert!(shown("   1 > DATA seq=1 kind=message len=18"), "{out:?}");
    let (code, out, _) = inspect(&["--json", "--input", "flight"], record.as_bytes());
    assert_eq!(code, 0);
    let lines: Vec<Value> = out
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["record"]["side"], "client");
    let data = lines.iter().find(|line| line["frame"] == "DATA").unwrap();
    assert_eq!(
        (&data["direction"], &data["attach"]),
        (&"sent".into(), &1.into())
    );
    let fields = serde_json::json!({ "seq": 1, "kind": "message", "len": 18 });
    assert_eq!(data["fields"], fields);
    let is_change = |line: &&Value| line["change"] == "attached, opened";
    assert!(lines.iter().any(|line| is_change(&line)), "{out:?}");
}

#[test]
fn a_flight_record_that_is_not_whole_is_told() {
    let record =
        "korinet flight record 1: side=client at=0.5 entries=2 dropped=0\n0.1 1 > ACK next=2\n";
    for (more, expect) in [
        ("", "standard input ends where 1 more entries are expected"),
        (
            "0.2 1 nothing\n",
            "line 3: found \"0.2 1 nothing\", expected seconds",
        ),
        (
            "0.2 1 < ACK\n0.3 1 < ACK\n",
            "line 4: an entry more than the record says",
        ),
        (
            record,
            "line 3: a record begins, expected 1 more entries of the one before",
        ),
    ] {
        let (code, out, err) = inspect(&[], format!("{record}{more}").as_bytes());
        assert_eq!((code, err.len()), (1, 1), "{err:?}");
        assert!(err[0].starts_with(&format!("korinet: {expect}")), "{err:?}");
        // What was read before is shown.
        assert_eq!(out[1], "       0.1   1 > ACK next=2");
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told() {
    let mut command = Korinet::start_into(&["inspect"], "/dev/full");
    command.write("00 00 00 03 82 05 02");
    let (code, _, err) = command.end();
    assert_eq!(code, 1);
    assert!(
        err[0].starts_with("korinet: cannot write to standard output: "),
        "{err:?}"
    );
}

#[cfg(unix)]
#[test]
fn what_has_come_is_shown_at_once_and_ctrl_c_ends_it() {
    let mut command = Korinet::start(&["inspect"]);
    command.write("00 00 00 03 82 05 02\n");
    assert_eq!(command.out_line(), "      0  ACK next=2");
    command.signal("INT");
    assert_eq!(command.exit_code(), 130);
}
