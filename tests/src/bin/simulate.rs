//! Runs worlds; called by `cargo xtask simulate`.
#![expect(clippy::print_stdout, reason = "a command line tool talks through it")]
use korinet_tests::sim::{self, Plan, Report};

fn main() {
    let seed: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let mut all = Report::default();
    let plan = Plan { trace: seed.len() == 1, ..Plan::default() };
    let range = if seed.len() == 1 { seed[0]..seed[0] + 1 } else { seed[0]..seed[1] };
    for s in range {
        match sim::run(s, &plan) {
            Ok(r) => all.merge(&r),
            Err(f) => { println!("{}\n{f}", f.trace);  }
        }
    }
    println!("{all}");
    println!("missing {:?}", all.missing());
}
