//! Wireshark without its windows, and the script that is tested.

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::capture::{Capture, From, SERVER_PORT};

/// Between fields of a packet, and between values of a field: nothing that Wireshark shows has them.
const SEPARATOR: char = '\u{1e}';
const AGGREGATOR: char = '\u{1f}';

/// Wireshark's own fields that tell a packet's direction.
const STREAM: &str = "tcp.stream";
const SOURCE: &str = "tcp.srcport";

/// Wireshark, with the script.
pub(crate) struct Tshark {
    folder: PathBuf,
}

/// What Wireshark says of a connection in one direction: for each field that was asked for, its values in order.
pub(crate) type Said = BTreeMap<(usize, From), Vec<Vec<String>>>;

/// Wireshark to test with; without it, says so once and lets the tests return.
///
/// # Panics
///
/// Without it on a build server, where nobody would read that line.
pub(crate) fn tshark() -> Option<Tshark> {
    static SKIPPED: Once = Once::new();
    let version = Command::new("tshark").arg("--version").output();
    if version.is_ok_and(|output| output.status.success()) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dissector");
        std::fs::create_dir_all(&folder).unwrap();
        return Some(Tshark { folder });
    }
    assert!(
        env::var_os("CI").is_none(),
        "CI is set but there is no tshark: the package tshark of Debian has it"
    );
    SKIPPED.call_once(|| {
        // Not `println!`, which the test harness would hide.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: no tshark (the package tshark of Debian has it)"
        );
    });
    None
}

impl Tshark {
    /// Reads a capture with these options and asks for these fields.
    pub(crate) fn read(&self, capture: &Capture, options: &[&str], fields: &[&str]) -> Said {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{number}.pcap"));
        capture.write(&path).unwrap();
        let output = self.run(&path, options, fields);
        let mut said = Said::new();
        for line in output.lines() {
            let columns: Vec<&str> = line.split(SEPARATOR).collect();
            let [stream, source, columns @ ..] = &columns[..] else {
                panic!("{line}");
            };
            let from = match source.parse::<u16>() {
                Ok(SERVER_PORT) => From::Server,
                _ => From::Client,
            };
            let direction = (stream.parse().unwrap(), from);
            let lists = said
                .entry(direction)
                .or_insert_with(|| vec![Vec::new(); fields.len()]);
            for (list, column) in lists.iter_mut().zip(columns) {
                let values = column.split(AGGREGATOR).filter(|value| !value.is_empty());
                list.extend(values.map(str::to_owned));
            }
        }
        said
    }

    fn run(&self, path: &Path, options: &[&str], fields: &[&str]) -> String {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/korinet-wire/korinet.lua");
        let mut command = Command::new("tshark");
        // No settings and no scripts of whoever runs the test.
        command
            .env("HOME", &self.folder)
            .env("XDG_CONFIG_HOME", &self.folder);
        command
            .arg(format!("-Xlua_script:{}", script.display()))
            // Some of the ports are those of others.
            .arg("-otcp.try_heuristic_first:TRUE")
            .arg("-r")
            .arg(path);
        command
            .args(options)
            .args(["-T", "fields", "-E", "occurrence=a"]);
        command.args(["-E", &format!("separator={SEPARATOR}")]);
        command.args(["-E", &format!("aggregator={AGGREGATOR}")]);
        for field in [STREAM, SOURCE].iter().chain(fields) {
            command.args(["-e", field]);
        }
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert!(!told.contains("Lua"), "{told}");
        String::from_utf8(output.stdout).unwrap()
    }
}
