use std::num::NonZeroU64;

use korinet_chaos::{Cut, Faults, Proxy};

use super::Process;

fn ask(arguments: &[&str]) -> Vec<String> {
    Process::start("api", arguments).succeeds()
}

#[test]
fn a_store_is_asked_and_says_why_it_cannot() {
    let (mut server, addr) = Process::listening("api", &["serve", "127.0.0.1:0"]);
    assert!(ask(&["list", &addr]).is_empty());
    assert_eq!(ask(&["put", &addr, "screws", "100"]), ["     100 screws"]);
    assert_eq!(ask(&["put", &addr, "nuts", "7"]), ["       7 nuts"]);
    assert_eq!(ask(&["take", &addr, "screws", "30"]), ["      70 screws"]);
    let why = Process::start("api", &["take", &addr, "screws", "130"]).fails();
    assert_eq!(why, "failed: there are 70 of screws; available: 70\n");
    let all = ["       7 nuts", "      70 screws"];
    assert_eq!(ask(&["list", &addr]), all);

    let most = u32::MAX.to_string();
    let why = Process::start("api", &["put", &addr, "nuts", &most]).fails();
    assert_eq!(why, "failed: more than the store can hold\n");
    let why = Process::start("api", &["put", &addr, "nuts", "-1"]).fails();
    assert_eq!(why, "count is \"-1\", expected 0 to 4294967295\n");
    server.kill();
}

/// Each request is a program of its own, and each goes over links that break within their first kilobyte.
#[test]
fn each_request_runs_once_through_cuts() {
    const REQUESTS: u64 = 30;
    let (mut server, addr) = Process::listening("api", &["serve", "127.0.0.1:0"]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let seed = 23;
    let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("seed {seed}\n"));
    let faults = Faults::new(seed)
        .cut_at_random(NonZeroU64::new(1_000).unwrap())
        .cut_by(Cut::Reset);
    let proxy = Proxy::bind("127.0.0.1:0", addr.as_str(), faults);
    let proxy = runtime.block_on(proxy).unwrap();
    let through = proxy.addr().to_string();
    let mut put = 0;
    for number in 1..=REQUESTS {
        let asked = Process::start("api", &["put", &through, "nuts", &number.to_string()]);
        // A first connection that breaks is told, not tried again: nothing was asked.
        match asked.line_or_end() {
            Some(line) => {
                put += number;
                assert_eq!(line, format!("{put:>8} nuts"));
                asked.succeeds();
            }
            None => {
                let why = asked.fails();
                assert!(why.starts_with("cannot connect to "), "{why}");
            }
        }
    }
    assert_eq!(ask(&["list", &addr]), [format!("{put:>8} nuts")]);
    let cuts = proxy.counts().reset;
    assert!(cuts > 0, "no connection was cut");
    server.kill();
}
