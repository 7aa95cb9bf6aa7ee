//! `korinet cert`: what is needed to try TLS.

mod advice;
mod authority;
mod files;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use authority::{Authority, Purpose};
use files::Pair;

use crate::args::{Cert, MAX_DAYS};
use crate::failure::Failure;

/// What a server on this machine is called.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub(crate) fn run(args: &Cert) -> Result<(), Failure> {
    let lines = make(args).map_err(Failure::Told)?;
    let mut stdout = io::stdout().lock();
    let mut print = |line: &String| writeln!(stdout, "{line}");
    let printed = lines.iter().try_for_each(&mut print);
    printed.map_err(|error| Failure::from_stdout(&error))
}

/// Makes the files; what to say of them.
fn make(args: &Cert) -> Result<Vec<String>, String> {
    let dir = &args.dir;
    fs::create_dir_all(dir)
        .map_err(|error| format!("cannot make the directory {}: {error}", dir.display()))?;
    let plan = Plan::of(args);
    plan.check(args.force)?;

    let mut lines = Vec::new();
    let ca = Pair::new(dir, "ca");
    let authority = if ca.is_there()? {
        lines.push(format!("used {ca}: the authority"));
        Authority::read(&ca)?
    } else {
        let authority = Authority::make(MAX_DAYS)?;
        ca.write(&authority.pem, &authority.key_pem(), false)?;
        lines.push(format!(
            "made {ca}: an authority for development, good for {MAX_DAYS} days"
        ));
        authority
    };
    for leaf in &plan.leaves {
        let (pem, key_pem) = authority.issue(&leaf.purpose, args.days)?;
        leaf.pair.write(&pem, &key_pem, args.force)?;
        lines.push(format!(
            "made {}: {}, good for {}",
            leaf.pair,
            leaf.purpose,
            days(args.days)
        ));
    }
    if plan.is_server_kept {
        lines.push(format!("kept {}: the server", Pair::new(dir, "server")));
    }
    lines.extend(advice::lines(dir, &names(args), args.clients.first()));
    Ok(lines)
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
