//! Programs that know nothing of it, through `korinet tunnel`.

use std::env;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::Korinet;
use crate::tunnel::{CUTS, Tunnel};

/// Whether there is a program; where there is none, that is told in one line.
///
/// On a build server nobody would read that line, so there it has to be.
fn is_there(program: &str) -> bool {
    if Command::new(program).arg("--version").output().is_ok() {
        return true;
    }
    missing(program)
}

fn missing(program: &str) -> bool {
    assert!(
        env::var_os("CI").is_none(),
        "CI is set, but there is no {program}"
    );
    // Not `println!`, which the test harness would hide.
    let _ = writeln!(
        std::io::stdout(),
        "skipped: no {program} to go through a tunnel"
    );
    false
}

/// A port that is free now. Somebody may take it before it is used.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// Runs a client with this on stdin; what it prints.
fn client(mut command: Command, stdin: &str) -> Vec<String> {
    command.stdout(Stdio::piped());
    let mut client = Korinet::start_command(command);
    client.write(stdin);
    let (code, out, err) = client.end();
    assert_eq!(code, 0, "{err:?}");
    out
}

#[test]
fn redis_cli_notices_nothing() {
    const KEYS: usize = 2000;
    if !is_there("redis-server") || !is_there("redis-cli") {
        return;
    }
    let port = free_port();
    let mut command = Command::new("redis-server");
    command.args([
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ]);
    command.stdout(Stdio::piped());
    let server = Korinet::start_command(command);
    while !server.out_line().contains("Ready to accept connections") {}

    let tunnel = Tunnel::new(&format!("127.0.0.1:{port}"), &CUTS, &[], &[]);
    let (_, entry_port) = tunnel.addr.rsplit_once(':').unwrap();
    let value = |number| format!("{number:0>100}");
    let set = |number| format!("SET key:{number} {}\n", value(number));
    let get = |number| format!("GET key:{number}\n");
    let commands: String = (0..KEYS).map(|number| set(number) + &get(number)).collect();
    let mut command = Command::new("redis-cli");
    command.args(["-h", "127.0.0.1", "-p", entry_port]);
    let out = client(command, &commands);
    let expect: Vec<String> = (0..KEYS)
        .flat_map(|number| ["OK".to_owned(), value(number)])
        .collect();
    assert!(out == expect, "{} lines", out.len());
    let cuts = tunnel.end();
    assert!(cuts > 0, "{cuts}");
}

/// A database server of the test's own, as another user where this one is root, which it does not run as.
struct Postgres {
    server: Korinet,
    port: String,
    home: PathBuf,
}

impl Postgres {
    /// None where it is not installed.
    fn start(test: &str) -> Option<Self> {
        let bin = Self::bin()?;
        let home = env::temp_dir().join(format!("korinet-{test}-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        let is_root = Self::is_root();
        if is_root {
            let owned = Command::new("chown").arg("postgres").arg(&home).status();
            assert!(owned.unwrap().success());
        }
        let command = |program: &str| {
            let program = bin.join(program);
            let mut command = match is_root {
                true => Command::new("setpriv"),
                false => Command::new(&program),
            };
            if is_root {
                let user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
                command.args(user).arg(&program);
            }
            // The folder that the test is run in may not be one for that user.
            command.current_dir(&home);
            command
        };
        let data = home.join("data");
        let mut init = command("initdb");
        init.args([
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
            "--pgdata",
        ])
        .arg(&data);
        let output = init.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let port = free_port();
        let mut server = command("postgres");
        server
            .args(["-p", &port, "-k", "", "-F", "-h", "127.0.0.1", "-D"])
            .arg(&data);
        let server = Korinet::start_command(server);
        server.err_line_with("ready to accept connections");
        Some(Self { server, port, home })
    }

    fn bin() -> Option<PathBuf> {
        // Where Debian has the programs that are not for everyone.
        let versions = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten();
        let mut dirs = versions.map(|entry| entry.path().join("bin"));
        let found = dirs.find(|dir| dir.join("initdb").exists());
        let is_on_path = || Command::new("initdb").arg("--version").output().is_ok();
        found.or_else(|| is_on_path().then(|| Path::new("").to_owned()))
    }

    fn is_root() -> bool {
        let output = Command::new("id").arg("-u").output().unwrap();
        output.stdout.trim_ascii() == b"0"
    }

    fn end(self) {
        self.server.signal("INT");
        self.server.end();
        fs::remove_dir_all(self.home).unwrap();
    }
}

#[test]
fn psql_notices_nothing() {
    const ROWS: usize = 10_000;
    if !is_there("psql") {
        return;
    }
    let Some(postgres) = Postgres::start("psql_notices_nothing") else {
        missing("postgres");
        return;
    };
    let tunnel = Tunnel::new(&format!("127.0.0.1:{}", postgres.port), &CUTS, &[], &[]);
    let (_, entry_port) = tunnel.addr.rsplit_once(':').unwrap();
    let mut command = Command::new("psql");
    command.args([
        "-h",
        "127.0.0.1",
        "-p",
        entry_port,
        "-U",
        "postgres",
        "-X",
        "-q",
        "-t",
        "-A",
    ]);
    command.args(["-v", "ON_ERROR_STOP=1", "-f", "-"]);
    let text = |number| format!("{number:0>80}");
    let rows: String = (0..ROWS)
        .map(|number| format!("{number}\t{}\n", text(number)))
        .collect();
    let script = format!(
        "CREATE TABLE t (n int, s text);\nCOPY t FROM STDIN;\n{rows}\\.\n\
         SELECT count(*), sum(n) FROM t;\nSELECT n, s FROM t ORDER BY n;\n"
    );
    let out = client(command, &script);
    let sum = ROWS * (ROWS - 1) / 2;
    assert_eq!(out[0], format!("{ROWS}|{sum}"));
    let expect: Vec<String> = (0..ROWS)
        .map(|number| format!("{number}|{}", text(number)))
        .collect();
    assert!(out[1..] == expect, "{} lines", out.len());
    let cuts = tunnel.end();
    postgres.end();
    assert!(cuts > 0, "{cuts}");
}
