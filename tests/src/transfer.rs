//! Much through the command: a file, and a TCP connection, over a link that is cut again and again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use korinet_chaos::{Counts, Faults, Proxy};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod program;

use program::Program;

/// How much is written at once.
const CHUNK: usize = 64 * 1024;

/// How soon each side notices that the other is silent.
const KEEP_ALIVE: [&str; 2] = ["--keepalive", "250ms"];

/// What to go through.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The command.
    pub korinet: PathBuf,
    /// A folder that is there, for the file and its copy.
    pub dir: PathBuf,
    /// How many bytes.
    pub bytes: u64,
    /// How long a connection lasts until it is cut.
    pub cut_after: Duration,
    /// How long each byte takes in each direction.
    pub delay: Duration,
    /// What is drawn follows from it: the bytes, and how connections are cut.
    pub seed: u64,
}

/// How it went.
#[derive(Debug)]
pub struct Transferred {
    /// The SHA-256 of what was sent.
    pub sent: String,
    /// The SHA-256 of what arrived.
    pub arrived: String,
    /// How long it took.
    pub took: Duration,
    /// What the link did.
    pub link: Counts,
    /// The most memory of the sending and the receiving process, in bytes.
    pub memory: [u64; 2],
}

impl Campaign {
    /// Sends a file.
    ///
    /// # Panics
    ///
    /// One of the programs fails, or the system does.
    pub async fn send_file(&self) -> Transferred {
        let received = self.dir.join("received");
        std::fs::create_dir_all(&received).expect("a folder can be made");
        let path = self.dir.join("file");
        let sent = self.write_file(&path);
        let mut receiver = Program::new(&self.korinet);
        receiver.args(["receive-file", "127.0.0.1:0", "--force"]);
        receiver.args(KEEP_ALIVE).arg("--dir").arg(&received);
        let (receiver, addr) = receiver.listen().await;
        let link = self.link(&addr).await;
        let start = Instant::now();
        let mut sender = Program::new(&self.korinet);
        sender
            .args(["send-file", &link.addr().to_string()])
            .args(KEEP_ALIVE);
        let memory = sender.arg(&path).succeed().await;
        let took = start.elapsed();
        let arrived = digest_of(&received.join("file"));
        let transferred = Transferred {
            sent,
            arrived,
            took,
            link: link.counts(),
            memory: [memory, receiver.peak_memory()],
        };
        for file in [path, received.join("file")] {
            std::fs::remove_file(file).expect("a file can be removed");
        }
        transferred
    }

    /// Sends bytes over TCP, through a tunnel, and their digest back.
    ///
    /// # Panics
    ///
    /// One of the programs fails, or the system does.
    pub async fn tunnel(&self) -> Transferred {
        let target = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let to = target.local_addr().expect("it is TCP").to_string();
        let mut exit = Program::new(&self.korinet);
        exit.args(["tunnel", "listen", "127.0.0.1:0", "--to", &to])
            .args(KEEP_ALIVE);
        let (exit, addr) = exit.listen().await;
        let link = self.link(&addr).await;
        let mut entry = Program::new(&self.korinet);
        entry.args([
            "tunnel",
            "connect",
            &link.addr().to_string(),
            "--listen",
            "127.0.0.1:0",
        ]);
        let (entry, near) = entry.args(KEEP_ALIVE).listen().await;
        let start = Instant::now();
        let receiving = async {
            let (tcp, _) = target.accept().await.expect("a connection comes");
            receive(tcp).await
        };
        let ((sent, arrived), ()) = tokio::join!(self.converse(&near), receiving);
        Transferred {
            sent,
            arrived,
            took: start.elapsed(),
            link: link.counts(),
            memory: [entry.peak_memory(), exit.peak_memory()],
        }
    }

    /// The digest of what was sent, and the one that came back.
    async fn converse(&self, near: &str) -> (String, String) {
        let mut tcp = TcpStream::connect(near)
            .await
            .expect("the near end listens");
        let mut hash = Sha256::new();
        for chunk in self.chunks() {
            hash.update(&chunk);
            tcp.write_all(&chunk).await.expect("the connection holds");
        }
        tcp.shutdown().await.expect("the connection holds");
        let mut arrived = String::new();
        let read = tcp.read_to_string(&mut arrived).await;
        read.expect("the connection holds");
        (hex(hash), arrived)
    }

    async fn link(&self, target: &str) -> Proxy {
        let local: SocketAddr = "127.0.0.1:0".parse().expect("it is an address");
        let faults = Faults::new(self.seed)
            .cut_after(self.cut_after)
            .delayed(self.delay);
        let proxy = Proxy::bind(local, target, faults).await;
        proxy.expect("a port is free")
    }

    /// Writes as many bytes as there are to be; their digest.
    fn write_file(&self, path: &Path) -> String {
        use std::io::Write;
        let mut hash = Sha256::new();
        let mut file = std::fs::File::create(path).expect("a file can be made");
        for chunk in self.chunks() {
            hash.update(&chunk);
            file.write_all(&chunk).expect("there is room");
        }
        hex(hash)
    }

    /// The bytes, which are no two times alike.
    fn chunks(&self) -> impl Iterator<Item = Vec<u8>> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut left = self.bytes;
        std::iter::from_fn(move || {
            let len = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            left -= len as u64;
            let mut chunk = vec![0; len];
            random.fill_bytes(&mut chunk);
            (len > 0).then_some(chunk)
        })
    }
}

/// Reads to the end, and answers with the digest of that.
async fn receive(mut tcp: TcpStream) {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match tcp.read(&mut buffer).await.expect("the connection holds") {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    let answer = hex(hash);
    let written = tcp.write_all(answer.as_bytes()).await;
    written.expect("the connection holds");
    tcp.shutdown().await.expect("the connection holds");
}

fn digest_of(path: &Path) -> String {
    use std::io::Read;
    let mut file = std::fs::File::open(path).expect("the file is there");
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer).expect("it can be read") {
            0 => return hex(hash),
            read => hash.update(&buffer[..read]),
        }
    }
}

fn hex(hash: Sha256) -> String {
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
