//! `korinet cert`: what is needed to try TLS.

mod advice;
mod authority;
mod files;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use authority::{Authority, Purpose};
use files::Pair;
use serde_json::json;

use crate::args::{Cert, MAX_DAYS};
use crate::failure::Failure;

/// What a server on this machine is called.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub(crate) fn run(args: &Cert) -> Result<(), Failure> {
    let steps = make(args).map_err(Failure::Told)?;
    let mut stdout = io::stdout().lock();
    let mut print = |line: String| writeln!(stdout, "{line}");
    let printed = if args.json {
        steps.iter().map(Step::to_json).try_for_each(&mut print)
    } else {
        let advice = advice::lines(&args.dir, &names(args), args.clients.first());
        let lines = steps.iter().map(Step::to_string).chain(advice);
        lines.into_iter().try_for_each(&mut print)
    };
    printed.map_err(|error| Failure::from_stdout(&error))
}

/// What became of a certificate and its key.
struct Step {
    /// made, used or kept
    verb: &'static str,
    pair: Pair,
    what: String,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.verb, self.pair, self.what)
    }
}

impl Step {
    fn to_json(&self) -> String {
        let [certificate, key] = self.pair.paths();
        let what = json!({
            "did": self.verb,
            "certificate": certificate.to_string_lossy(),
            "key": key.to_string_lossy(),
            "what": self.what,
        });
        what.to_string()
    }
}

/// Makes the files; what became of each.
fn make(args: &Cert) -> Result<Vec<Step>, String> {
    let dir = &args.dir;
    fs::create_dir_all(dir)
        .map_err(|error| format!("cannot make the directory {}: {error}", dir.display()))?;
    let plan = Plan::of(args);
    plan.check(args.force)?;

    let mut steps = Vec::new();
    let mut step = |verb, pair, what| steps.push(Step { verb, pair, what });
    let ca = Pair::new(dir, "ca");
    let authority = if ca.is_there()? {
        let authority = Authority::read(&ca)?;
        step("used", ca, "the authority".to_owned());
        authority
    } else {
        let authority = Authority::make(MAX_DAYS)?;
        ca.write(&authority.pem, &authority.key_pem(), false)?;
        let what = format!("an authority for development, good for {MAX_DAYS} days");
        step("made", ca, what);
        authority
    };
    for leaf in plan.leaves {
        let (pem, key_pem) = authority.issue(&leaf.purpose, args.days)?;
        leaf.pair.write(&pem, &key_pem, args.force)?;
        let what = format!("{}, good for {}", leaf.purpose, days(args.days));
        step("made", leaf.pair, what);
    }
    if plan.is_server_kept {
        step("kept", Pair::new(dir, "server"), "the server".to_owned());
    }
    Ok(steps)
}

fn days(number: u16) -> String {
    match number {
        1 => "1 day".to_owned(),
        number => format!("{number} days"),
    }
}

fn names(args: &Cert) -> Vec<String> {
    if args.names.is_empty() {
        LOCAL.map(str::to_owned).to_vec()
    } else {
        args.names.clone()
    }
}

/// What is to be made.
struct Plan {
    leaves: Vec<Leaf>,
    is_server_kept: bool,
}

struct Leaf {
    pair: Pair,
    purpose: Purpose,
}

impl Plan {
    fn of(args: &Cert) -> Self {
        let server = Pair::new(&args.dir, "server");
        // Who adds a client does not ask for another server.
        let is_server_kept =
            args.names.is_empty() && !args.clients.is_empty() && server.is_there() == Ok(true);
        let mut leaves = Vec::new();
        if !is_server_kept {
            leaves.push(Leaf {
                pair: server,
                purpose: Purpose::Server(names(args)),
            });
        }
        leaves.extend(args.clients.iter().map(|name| Leaf {
            pair: Pair::new(&args.dir, name),
            purpose: Purpose::Client(name.clone()),
        }));
        Self {
            leaves,
            is_server_kept,
        }
    }

    /// Nothing is made if anything is in the way.
    fn check(&self, may_overwrite: bool) -> Result<(), String> {
        let mut paths = self.leaves.iter().flat_map(|leaf| leaf.pair.paths());
        match paths.find(|path| !may_overwrite && is_there(path)) {
            Some(path) => Err(in_the_way(path)),
            None => Ok(()),
        }
    }
}

/// Whether there is anything of this name, be it a link to nothing.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn in_the_way(path: &Path) -> String {
    format!(
        "{} is there already and is not overwritten without --force",
        path.display()
    )
}
