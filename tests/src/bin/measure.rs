//! Prints figures of sessions beside bare TCP in the same run; called by `cargo xtask measure`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]
#![expect(clippy::unwrap_used, reason = "what cannot be measured has no figure")]

use std::process::{Command, Stdio};
use std::time::Duration;

use korinet_tests::measure::{self, idle, median, pipe, round_trip, stream};

const ROUNDS: usize = 7;

/// What this program calls itself with to be the clients.
const IDLE_CLIENTS: &str = "idle-clients";

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let [first, addr, count] = &wanted[..]
        && first == IDLE_CLIENTS
    {
        return be_idle_clients(addr, count);
    }
    let all: [(&str, fn()); 5] = [
        ("round-trip", print_round_trips),
        ("stream", print_streams),
        ("pipe", print_pipe),
        ("idle", print_idle),
        ("storm", print_storm),
    ];
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !all.iter().any(|(known, _)| known == name))
    {
        let names = all.map(|(name, _)| name).join(", ");
        eprintln!("unknown figure \"{unknown}\", expected {names}");
        std::process::exit(2);
    }
    for (name, print) in all {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            print();
        }
    }
}

fn print_round_trips() {
    println!("round trip of 64 bytes, median of {ROUNDS} rounds of 5000, beside bare TCP");
    let runtimes = [
        ("one thread", measure::one_thread as fn() -> _),
        ("two threads", measure::threads),
    ];
    for (name, runtime) in runtimes {
        let rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| {
                let runtime = runtime();
                // As an application's tasks are, on the workers.
                let run = |future| {
                    let time: Duration = runtime.block_on(runtime.spawn(future)).unwrap();
                    time.as_secs_f64() * 1e6
                };
                [
                    run(boxed(round_trip::bare_tcp(5000))),
                    run(boxed(round_trip::acknowledged(5000))),
                    run(boxed(round_trip::answered(5000))),
                ]
            })
            .collect();
        let micros = |index: usize| median(rounds.iter().map(|round| round[index]).collect());
        let ratio =
            |index: usize| median(rounds.iter().map(|round| round[index] / round[0]).collect());
        println!(
            "  {name:<12} TCP {:5.1} µs   acknowledged {:5.1} µs = {:.2}   answered {:5.1} µs = {:.2}",
            micros(0),
            micros(1),
            ratio(1),
            micros(2),
            ratio(2)
        );
    }
}

type Boxed<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

fn boxed<T>(future: impl Future<Output = T> + Send + 'static) -> Boxed<T> {
    Box::pin(future)
}

fn print_streams() {
    println!("stream, acknowledged and delivered, median of {ROUNDS} rounds, beside bare TCP");
    let runtimes = [
        ("one thread", measure::one_thread as fn() -> _),
        ("two threads", measure::threads),
    ];
    for (name, runtime) in runtimes {
        for (len, count) in [(64, 1_000_000), (1024, 200_000), (65_536, 10_000)] {
            let rounds: Vec<[f64; 2]> = (0..ROUNDS)
                .map(|_| {
                    let runtime = runtime();
                    let run = |future| runtime.block_on(runtime.spawn(future)).unwrap();
                    [
                        run(boxed(stream::bare_tcp(count, len))),
                        run(boxed(stream::session(count, len))),
                    ]
                })
                .collect();
            let tcp = median(rounds.iter().map(|round| round[0]).collect());
            let session = median(rounds.iter().map(|round| round[1]).collect());
            let ratio = median(rounds.iter().map(|round| round[1] / round[0]).collect());
            println!(
                "  {name:<12} {len:>6} B   TCP {tcp:>11.0}/s   session {session:>11.0}/s = {ratio:.2}"
            );
        }
    }
}

fn print_pipe() {
    let (delay, time) = (Duration::from_millis(100), Duration::from_secs(5));
    println!("a way of {delay:?} in each direction, {time:?} each");
    let runtime = measure::threads();
    let tcp = runtime.block_on(pipe::bare_tcp(delay, time));
    println!("  TCP {:.1} MB/s", tcp.bytes / 1e6);
    for (len, window) in [
        (1024, 1 << 20),
        (1024, 16 << 20),
        (65_536, 64 << 20),
        (65_536, 256 << 20),
    ] {
        let session = runtime.block_on(pipe::session(delay, time, len, window));
        println!(
            "  v3, messages of {len} B, window {} MiB: {:.1} MB/s = {:.2}, {:.0} messages/s",
            window >> 20,
            session.bytes / 1e6,
            session.bytes / tcp.bytes,
            session.messages
        );
    }
    let v2 = runtime.block_on(pipe::stop_and_wait(delay, time));
    println!("  v2: {:.1} messages/s", v2.messages);
}

/// The clients are another process, so that the memory is the server's alone.
fn print_idle() {
    const COUNT: usize = 10_000;
    println!("{COUNT} idle sessions of one server process");
    measure::threads().block_on(async {
        let server = korinet::Server::builder().max_sessions(COUNT);
        let server = server.bind("127.0.0.1:0").await.unwrap();
        let addr = server.local_addr().unwrap().to_string();
        let before = idle::resident();
        let mut clients = Command::new(std::env::current_exe().unwrap())
            .args([IDLE_CLIENTS, &addr, &COUNT.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let _kept = idle::keep(&server, COUNT).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let each = (idle::resident() - before) / u64::try_from(COUNT).unwrap();
        println!("  {each} bytes resident each, kept by the application");
        drop(clients.stdin.take());
        let _ = clients.wait();
    });
}

/// The clients of `print_idle`, until stdin is closed.
fn be_idle_clients(addr: &str, count: &str) {
    measure::threads().block_on(async {
        let _clients = idle::clients(addr, count.parse().unwrap()).await;
        let mut stdin = tokio::io::stdin();
        let _ = tokio::io::copy(&mut stdin, &mut tokio::io::sink()).await;
    });
}

fn print_storm() {
    const COUNT: usize = 3_000;
    let down = Duration::from_secs(3);
    println!("{COUNT} clients whose server is gone for {down:?}");
    let storm = measure::threads().block_on(idle::storm(COUNT, down));
    println!(
        "  all back {:?} after the new server's start, {} connections",
        storm.all_back, storm.connections
    );
}
