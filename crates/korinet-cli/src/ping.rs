use std::io::{self, Write};
use std::time::{Duration, Instant};

use korinet::{Receiver, Sender, Value};
use serde_json::json;

use crate::args::Ping;
use crate::failure::Failure;
use crate::{peer, signal};

pub(crate) async fn run(args: Ping) -> Result<(), Failure> {
    let builder = peer::builder(&args.peer).await?;
    let session = builder
        .connect(&args.peer.addr)
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let (sender, receiver) = session.split();
    let mut times = Vec::new();
    let result = tokio::select! {
        result = ping(&sender, &args, &mut times) => result,
        () = discard(receiver) => Ok(()),
        failure = signal::ended() => Err(failure),
    };
    summarise(times, args.json).map_err(|error| Failure::from_stdout(&error))?;
    result?;
    sender
        .close()
        .await
        .map_err(|error| Failure::from_error(&error))
}

/// Reads what the peer sends, so that it goes on acknowledging; does not end.
async fn discard(mut receiver: Receiver) {
    // How the session ends is told by the sending side.
    while let Ok(Some(_)) = receiver.recv().await {}
    std::future::pending().await
}

async fn ping(sender: &Sender, args: &Ping, times: &mut Vec<Duration>) -> Result<(), Failure> {
    for number in 1..=args.count {
        // Even a pause of no time lasts up to a tick of the timer, long enough for a core to go to sleep.
        if number > 1 && !args.interval.is_zero() {
            tokio::time::sleep(args.interval).await;
        }
        let message = Value::Map(vec![
            ("type".into(), "ping".into()),
            ("num".into(), u64::from(number).into()),
        ]);
        let start = Instant::now();
        sender
            .send(&message)
            .await
            .map_err(|error| Failure::from_error(&error))?;
        let time = start.elapsed();
        times.push(time);
        let line = match args.json {
            true => json!({ "number": number, "micros": in_micros(time) }).to_string(),
            false => format!("{number}: acknowledged in {}", micros(time)),
        };
        writeln!(io::stdout().lock(), "{line}").map_err(|error| Failure::from_stdout(&error))?;
    }
    Ok(())
}

fn summarise(mut times: Vec<Duration>, is_json: bool) -> io::Result<()> {
    times.sort_unstable();
    let mut stdout = io::stdout().lock();
    let count = times.len();
    let (Some(min), Some(median), Some(p99)) =
        (times.first(), quantile(&times, 50), quantile(&times, 99))
    else {
        return match is_json {
            true => writeln!(stdout, "{}", json!({ "acknowledged": 0 })),
            false => writeln!(stdout, "0 acknowledged"),
        };
    };
    if is_json {
        let summary = json!({
            "acknowledged": count,
            "min_micros": in_micros(*min),
            "median_micros": in_micros(median),
            "p99_micros": in_micros(p99),
        });
        return writeln!(stdout, "{summary}");
    }
    writeln!(
        stdout,
        "{count} acknowledged, min/median/p99 = {}/{}/{}",
        number(*min),
        number(median),
        micros(p99)
    )
}

/// The least time that so many per cent of the times do not exceed.
fn quantile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn micros(time: Duration) -> String {
    format!("{} µs", number(time))
}

fn number(time: Duration) -> String {
    format!("{:.1}", in_micros(time))
}

fn in_micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times: Vec<_> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(quantile(&times, 50), Some(Duration::from_micros(100)));
        assert_eq!(quantile(&times, 99), Some(Duration::from_micros(198)));
        assert_eq!(quantile(&times[..1], 99), Some(Duration::from_micros(1)));
        assert_eq!(quantile(&times[..2], 50), Some(Duration::from_micros(1)));
        assert_eq!(quantile(&[], 50), None);
    }
}
