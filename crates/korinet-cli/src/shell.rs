//! What shells and `man` know of this command.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;

use crate::args::{Command, Completions, Man};
use crate::failure::Failure;

const NAME: &str = "korinet";

pub(crate) fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Command::command(), NAME, &mut script);
    print(&script)
}

pub(crate) fn man(args: &Man) -> Result<(), Failure> {
    let pages = pages()?;
    if let Some(dir) = &args.dir {
        return write(&pages, dir);
    }
    let name = match &args.command {
        Some(command) => format!("{NAME}-{command}"),
        None => NAME.to_owned(),
    };
    match pages.iter().find(|page| page.name == name) {
        Some(page) => print(&page.roff),
        None => Err(Failure::Told(format!(
            "found \"{}\", expected one of {}",
            name[NAME.len() + 1..].escape_debug(),
            subcommands(&pages)
        ))),
    }
}

struct Page {
    /// Without its section.
    name: String,
    roff: Vec<u8>,
}

/// The page of the command, and then those of its subcommands.
fn pages() -> Result<Vec<Page>, Failure> {
    let mut command = Command::command().disable_help_subcommand(true);
    // Gives each subcommand its whole name.
    command.build();
    let subcommands = command
        .get_subcommands()
        .map(|part| page(format!("{NAME}-{}", part.get_name()), part.clone()));
    std::iter::once(page(NAME.to_owned(), command.clone()))
        .chain(subcommands)
        .collect()
}

fn page(name: String, command: clap::Command) -> Result<Page, Failure> {
    let mut roff = Vec::new();
    let man = clap_mangen::Man::new(command)
        .title(name.clone())
        .manual("KoriNet");
    let written = man.render(&mut roff);
    written.map_err(|error| Failure::from_error(&error))?;
    Ok(Page { name, roff })
}

fn subcommands(pages: &[Page]) -> String {
    let names = pages
        .iter()
        .filter_map(|page| page.name.strip_prefix("korinet-"));
    names.collect::<Vec<_>>().join(", ")
}

fn write(pages: &[Page], dir: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: &io::Error| {
        Failure::Told(format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    for page in pages {
        let path = dir.join(format!("{}.1", page.name));
        std::fs::write(&path, &page.roff).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(bytes).and_then(|()| stdout.flush());
    printed.map_err(|error| Failure::from_stdout(&error))
}
