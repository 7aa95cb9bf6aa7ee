use korinet_tests::sim::{self, Plan, Report};

/// Lives through worlds from a seed on until there were so many faults.
fn live(first: u64, faults: u64) -> Report {
    let mut all = Report::default();
    for seed in first.. {
        match sim::run(seed, &Plan::default()) {
            Ok(report) => all.merge(&report),
            Err(failure) => panic!("{failure}"),
        }
        if all.injected() >= faults {
            break;
        }
    }
    all
}

#[test]
fn all_that_can_go_wrong_goes_wrong_and_nothing_is_lost() {
    let report = live(0, 100_000);
    let missing = report.missing();
    assert!(missing.is_empty(), "never happened: {missing:?}\n{report}");
}

#[test]
fn one_seed_gives_one_history() {
    for seed in [1, 2, 3, 1_000_003] {
        let first = sim::run(seed, &Plan::default()).unwrap();
        let trace = Plan {
            trace: true,
            ..Plan::default()
        };
        let second = sim::run(seed, &trace).unwrap();
        assert_eq!(first, second, "seed {seed}");
        assert_ne!(
            first.hash,
            sim::run(seed + 7, &Plan::default()).unwrap().hash
        );
    }
}
