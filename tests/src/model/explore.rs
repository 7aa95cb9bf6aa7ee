use std::fmt;
use std::fmt::Debug;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// A configuration that was explored to the end without a flaw.
#[derive(Debug, Clone)]
pub struct Explored {
    /// Which one.
    pub name: &'static str,
    /// Its different states.
    pub states: usize,
    /// How often a state was reached.
    pub generated: usize,
    /// The most steps that the shortest way to a state has.
    pub depth: usize,
    /// How long that took.
    pub took: Duration,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>10} states, depth {:>3}, {:>6.1} s  {}",
            self.states,
            self.depth,
            self.took.as_secs_f64(),
            self.name
        )
    }
}

/// Explores a model until there is no state left, or a flaw is found.
///
/// # Errors
///
/// The flaw and the way to it.
pub(super) fn explore<M>(name: &'static str, model: M) -> Result<Explored, String>
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Debug + Clone + PartialEq,
{
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let discoveries = checker.discoveries();
    for property in checker.model().properties() {
        let path = discoveries.get(property.name);
        if let (Expectation::Always | Expectation::Eventually, Some(path)) =
            (property.expectation, path)
        {
            let actions: Vec<String> = path
                .clone()
                .into_actions()
                .iter()
                .map(|action| format!("  {action:?}"))
                .collect();
            let actions = actions.join("\n");
            return Err(format!("{name}: not true: {}\n{actions}", property.name));
        }
    }
    // A flaw that is found ends the exploration before all has happened.
    for property in checker.model().properties() {
        if property.expectation == Expectation::Sometimes
            && !discoveries.contains_key(property.name)
        {
            return Err(format!("{name}: never happened: {}", property.name));
        }
    }
    Ok(Explored {
        name,
        states: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took: started.elapsed(),
    })
}
