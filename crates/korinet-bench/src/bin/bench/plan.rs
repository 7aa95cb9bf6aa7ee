use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use korinet_bench::{Failure, Workload};

use crate::case::{Case, Group, Placement};
use crate::rows::{self, Row};

/// What to measure, and how.
#[derive(Debug)]
pub(crate) struct Plan {
    peers: Vec<String>,
    pub(crate) cases: Vec<Case>,
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) span: Duration,
    pub(crate) syscalls: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
}

const USAGE: &str = "\
usage: cargo xtask bench [OPTIONS]

  --peers LIST        which to compare; bare TCP is always among them
  --workloads LIST    rtt, stream, duplex, sessions, connect, resume, idle, far; all by default
  --placements LIST   pinned (all processes on one core), free; by default both for rtt and stream,
                      and one of them for the others
  --sizes LIST        bytes of the messages of stream; 64,1k,64k,1m by default
  --sessions LIST     sessions at a time of sessions; 1,10,100,1000 by default
  --idle N            sessions of idle; 10000 by default
  --rounds N          5 by default
  --milliseconds N    how long each is measured; 400 by default
  --quick             one short round, to see whether all of it works
  --syscalls          count system calls, too, with perf
  --json FILE         write all figures there
  --svg FILE          plot the cost by size and by number of sessions there";

/// What the options say, before they are put together.
#[derive(Debug)]
struct Wanted {
    peers: Vec<String>,
    groups: Vec<Group>,
    placements: Vec<Placement>,
    sizes: Vec<usize>,
    sessions: Vec<usize>,
    idle: usize,
}

impl Plan {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wanted = Wanted {
            peers: rows::peers().into_iter().map(str::to_owned).collect(),
            groups: Group::ALL.to_vec(),
            placements: Placement::ALL.to_vec(),
            sizes: vec![64, 1024, 64 * 1024, 1024 * 1024],
            sessions: vec![1, 10, 100, 1000],
            idle: 10_000,
        };
        let mut plan = Self {
            peers: Vec::new(),
            cases: Vec::new(),
            rounds: 5,
            warm_up: Duration::from_millis(150),
            span: Duration::from_millis(400),
            syscalls: false,
            json: None,
            svg: None,
        };
        plan.read(arguments, &mut wanted)
            .map_err(|failure| format!("{failure}\n\n{USAGE}"))?;
        plan.cases = wanted.cases();
        plan.peers = wanted.peers;
        // Without the floor there is nothing to compare with.
        if !plan.peers.iter().any(|peer| peer == rows::FLOOR) {
            plan.peers.push(rows::FLOOR.to_owned());
        }
        Ok(plan)
    }

    fn read(
        &mut self,
        mut arguments: impl Iterator<Item = String>,
        wanted: &mut Wanted,
    ) -> Result<(), Failure> {
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--quick" => {
                    self.quicken(wanted);
                    continue;
                }
                "--help" => return Err("what there is to choose from".into()),
                "--syscalls" => {
                    self.syscalls = true;
                    continue;
                }
                _ => {}
            }
            let missing = || Failure::from(format!("{option} needs a value"));
            let known = USAGE.contains(&format!("\n  {option} "));
            if !known {
                return Err(format!("unknown option \"{option}\"").into());
            }
            let value = arguments.next().ok_or_else(missing)?;
            self.set(&option, &value, wanted)?;
        }
        Ok(())
    }

    fn set(&mut self, option: &str, value: &str, wanted: &mut Wanted) -> Result<(), Failure> {
        match option {
            "--peers" => {
                let known = rows::peers().into_iter().map(|peer| (peer, peer));
                let peers = named(option, value, known.collect())?;
                wanted.peers = peers.into_iter().map(str::to_owned).collect();
            }
            "--workloads" => {
                let known = Group::ALL.map(|group| (group.name(), group));
                wanted.groups = named(option, value, known.to_vec())?;
            }
            "--placements" => {
                let known = Placement::ALL.map(|one| (one.name(), one));
                wanted.placements = named(option, value, known.to_vec())?;
            }
            "--sizes" => wanted.sizes = list(value, |text| size(option, text))?,
            "--sessions" => wanted.sessions = list(value, |text| number(option, text))?,
            "--idle" => wanted.idle = number(option, value)?,
            "--rounds" => self.rounds = number(option, value)?,
            "--milliseconds" => {
                let millis = number(option, value)?;
                self.span = Duration::from_millis(u64::try_from(millis)?);
            }
            "--json" => self.json = Some(PathBuf::from(value)),
            "--svg" => self.svg = Some(PathBuf::from(value)),
            _ => return Err(format!("unknown option \"{option}\"").into()),
        }
        Ok(())
    }

    fn quicken(&mut self, wanted: &mut Wanted) {
        self.rounds = 1;
        self.warm_up = Duration::from_millis(50);
        self.span = Duration::from_millis(100);
        wanted.placements = vec![Placement::Free];
        wanted.sizes = vec![64, 64 * 1024];
        wanted.sessions = vec![10];
        wanted.idle = 100;
    }

    pub(crate) fn rows(&self) -> Vec<&'static Row> {
        rows::of(&self.peers)
    }
}

impl Wanted {
    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for placement in &self.placements {
            for group in &self.groups {
                let case = |workload, sessions, size| Case {
                    placement: *placement,
                    group: *group,
                    workload,
                    sessions,
                    size,
                };
                match group {
                    Group::Rtt => cases.push(case(Workload::Rtt, 1, 64)),
                    Group::Stream => {
                        let sizes = self.sizes.iter();
                        cases.extend(sizes.map(|size| case(Workload::Stream, 1, *size)));
                    }
                    Group::Duplex => cases.push(case(Workload::Duplex, 1, 64)),
                    Group::Sessions => {
                        for sessions in &self.sessions {
                            let workloads = [Workload::Stream, Workload::Rtt];
                            cases.extend(workloads.map(|one| case(one, *sessions, 64)));
                        }
                    }
                    Group::Connect => cases.push(case(Workload::Connect, 1, 64)),
                    Group::Resume => cases.push(case(Workload::Resume, 1, 64)),
                    Group::Idle => cases.push(case(Workload::Idle, self.idle, 64)),
                    Group::Far => cases.push(case(Workload::Stream, 1, 64 * 1024)),
                }
            }
        }
        cases.retain(|case| self.is_wanted(case));
        cases
    }

    /// Where both placements are asked for, one of them is enough for all but the figures that are compared most: of
    /// memory and of a far way the placement is of no account, and the others take their time.
    fn is_wanted(&self, case: &Case) -> bool {
        let is_both = Placement::ALL
            .iter()
            .all(|one| self.placements.contains(one));
        match case.group {
            Group::Rtt | Group::Stream => true,
            Group::Idle | Group::Far => !is_both || case.placement == Placement::Free,
            Group::Duplex | Group::Sessions | Group::Connect | Group::Resume => {
                !is_both || case.placement == Placement::Pinned
            }
        }
    }
}

fn list<T>(value: &str, one: impl Fn(&str) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    value.split(',').map(one).collect()
}

fn named<T: Copy>(
    option: &str,
    value: &str,
    known: Vec<(&'static str, T)>,
) -> Result<Vec<T>, Failure> {
    list(value, |text| {
        let found = known.iter().find(|(name, _)| *name == text);
        found.map(|(_, one)| *one).ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            format!("{option} has \"{text}\", expected some of {names}").into()
        })
    })
}

fn number(option: &str, text: &str) -> Result<usize, Failure> {
    match usize::from_str(text) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} has \"{text}\", expected a number above zero").into()),
    }
}

/// As `64`, `1k` or `1m`.
fn size(option: &str, text: &str) -> Result<usize, Failure> {
    let (digits, unit) = match text.to_ascii_lowercase() {
        text if text.ends_with('k') => (text.trim_end_matches('k').to_owned(), 1024),
        text if text.ends_with('m') => (text.trim_end_matches('m').to_owned(), 1024 * 1024),
        text => (text, 1),
    };
    let range = 16..=1024 * 1024;
    match digits
        .parse::<usize>()
        .map(|number| number.saturating_mul(unit))
    {
        Ok(size) if range.contains(&size) => Ok(size),
        _ => Err(format!("{option} has \"{text}\", expected 16 to 1m").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &str) -> Result<Plan, Failure> {
        Plan::parse(arguments.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn mistakes_are_answered_with_what_was_found_and_what_is_allowed() {
        for (arguments, expected) in [
            (
                "--peers tpc",
                "--peers has \"tpc\", expected some of tcp, hand",
            ),
            ("--workloads x", "expected some of rtt, stream"),
            ("--sizes 8", "--sizes has \"8\", expected 16 to 1m"),
            ("--sizes 2m", "expected 16 to 1m"),
            ("--rounds 0", "expected a number above zero"),
            ("--rounds", "--rounds needs a value"),
            ("--fast", "unknown option \"--fast\""),
        ] {
            let text = plan(arguments).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
            assert!(text.contains("usage: cargo xtask bench"), "{text}");
        }
    }

    #[test]
    fn the_floor_is_always_measured() {
        let plan = plan("--peers hand --workloads stream --sizes 16,1k,1m").unwrap();
        assert!(plan.rows().iter().any(|row| row.name == rows::FLOOR));
        let sizes: Vec<_> = plan.cases.iter().map(|case| case.size).collect();
        assert_eq!(sizes, [16, 1024, 1 << 20].repeat(2));
    }
}
