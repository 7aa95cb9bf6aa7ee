//! Sends much through the command, over a link that breaks; called by `cargo xtask transfer`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]

use std::process::ExitCode;
use std::time::Duration;

use korinet_tests::measure::threads;
use korinet_tests::transfer::{Campaign, Transferred};

const USAGE: &str =
    "usage: transfer KORINET [--mebibytes N] [--cut-after-ms N] [--delay-ms N] [--seed N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let campaign = match parse(&arguments) {
        Ok(campaign) => campaign,
        Err(text) => {
            eprintln!("error: {text}; {USAGE}");
            return ExitCode::from(2);
        }
    };
    println!(
        "{} bytes, cut each {:?}, {:?} in each direction, seed {}",
        campaign.bytes, campaign.cut_after, campaign.delay, campaign.seed
    );
    std::fs::create_dir_all(&campaign.dir).expect("a folder can be made");
    let runtime = threads();
    let sound = [
        report("send-file", &runtime.block_on(campaign.send_file())),
        report("tunnel", &runtime.block_on(campaign.tunnel())),
    ];
    std::fs::remove_dir_all(&campaign.dir).expect("a folder can be removed");
    if sound.contains(&false) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Prints how it went; false if something was lost, or nothing was cut.
fn report(name: &str, transferred: &Transferred) -> bool {
    let Transferred {
        sent,
        arrived,
        took,
        link,
        memory,
    } = transferred;
    let [near, far] = memory.map(|bytes| bytes / 1024);
    println!("{name}: {:.1} s", took.as_secs_f64());
    println!(
        "  {} cut: {} by FIN, {} by RST, {} by silence; {} bytes to the server",
        link.cuts(),
        link.fin,
        link.reset,
        link.silence,
        link.bytes_to_server
    );
    println!("  sent     {sent}\n  arrived  {arrived}");
    println!("  memory at most {near} KiB at the near end, {far} KiB at the far end");
    if sent != arrived {
        println!("  what arrived is not what was sent");
    }
    if link.cuts() == 0 {
        println!("  nothing was cut: expected more bytes, or a shorter time");
    }
    sent == arrived && link.cuts() > 0
}

fn parse(arguments: &[String]) -> Result<Campaign, String> {
    let Some((korinet, rest)) = arguments.split_first() else {
        return Err("the path of the command is missing".to_owned());
    };
    let dir = std::env::temp_dir().join(format!("korinet-transfer-{}", std::process::id()));
    let mut campaign = Campaign {
        korinet: korinet.into(),
        dir,
        bytes: 1024 * 1024 * 1024,
        cut_after: Duration::from_secs(1),
        delay: Duration::from_millis(50),
        seed: 1,
    };
    let mut rest = rest.iter();
    while let Some(option) = rest.next() {
        let Some(value) = rest.next() else {
            return Err(format!("{option} needs a number"));
        };
        let number = value.parse::<u64>();
        let number = number.map_err(|_| format!("{option} is {value}, expected a number"))?;
        match option.as_str() {
            "--mebibytes" => campaign.bytes = number.saturating_mul(1024 * 1024),
            "--cut-after-ms" => campaign.cut_after = Duration::from_millis(number),
            "--delay-ms" => campaign.delay = Duration::from_millis(number),
            "--seed" => campaign.seed = number,
            unknown => return Err(format!("no such option: {unknown}")),
        }
    }
    Ok(campaign)
}
