//! The project's own automation, run as `cargo xtask <command>`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]

mod bench;
mod ci;
mod demo;
mod deny;
mod failure;
mod fuzz;
mod instructions;
mod mutations;
mod no_std;
mod picture;
mod programs;
mod python;
mod rules;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "\
The project's own automation.

usage: cargo xtask <command>

commands:
  test    build the command and run every test, the Python package included
  demo    watch a count survive a server that is killed again and again
  picture draw what the demo prints, as docs/demo.svg
  fuzz    run one fuzz target:
            cargo xtask fuzz TARGET [--seconds N] [--runs N]
          without a limit it runs for 60 seconds
  simulate
          put sessions through the worst of networks in virtual time:
            cargo xtask simulate --faults N [--first SEED]
            cargo xtask simulate --seed SEED, to read one history
            cargo xtask simulate --pairs, for two cuts at every pair of bytes
          without arguments it runs for 10,000,000 faults, some minutes
  endure  send a million messages each way through a proxy that cuts all the time:
            cargo xtask endure [--messages N] [--bytes-between-cuts N] [--seed N] [--tls]
  transfer
          send a file, and bytes through a tunnel, by the command, over a link that is cut each second:
            cargo xtask transfer [--mebibytes N] [--cut-after-ms N] [--delay-ms N] [--seed N]
          without arguments 1024 MiB each, some minutes
  storm   see how thousands of clients come back to a server that was gone
  bench   measure korinet beside its peers; prints one table with ratios to bare TCP:
            cargo xtask bench [--peers tcp,hand,korinet] [--workloads rtt,stream] [--quick]
          all options: cargo xtask bench --help; without any, some 15 minutes
  instructions
          count the instructions that a message takes, by valgrind, which is to be installed:
            cargo xtask instructions [encode | decode | send | receive | stream | batches | typed | round-trip]
          without a name all of them; fails where one takes more than it may
  hostile attack a server in every way there is a case for, beside a healthy session; prints a table:
            cargo xtask hostile [WORDS OF A CASE]
          without a word all cases, some minutes
  model   explore the models of protocol v3 to the last state:
            cargo xtask model [layer | gate | large] [WORDS OF A NAME]
          without a word, the large bounds: millions of states, some minutes
  mutations
          activate deliberate defects, one after the other, and see who sees them
  deny    check the licences, sources and versions of all dependencies
  rules   list the rules of PROTOCOL.md and the tests that cite them
  ci      format, lints, docs, rules, dependencies, no_std, the fuzz and bench packages, features, test, mutations
  help    print this

environment:
  KORINET_PYTHON  a Python that has the korinet package; without it, `test`
                  and `demo` install the package under target/python
  CI              set: a missing Python fails `test` instead of skipping";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::Usage(format!("no command given\n\n{HELP}")));
    };
    match command.as_str() {
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        "test" => no_more(command, rest).and_then(|()| test::run()),
        "demo" => no_more(command, rest).and_then(|()| demo::run()),
        "picture" => no_more(command, rest).and_then(|()| picture::run()),
        "ci" => no_more(command, rest).and_then(|()| ci::run()),
        "bench" => bench::run(rest),
        "deny" => no_more(command, rest).and_then(|()| deny::run()),
        "rules" => no_more(command, rest).and_then(|()| rules::run()),
        "mutations" => no_more(command, rest).and_then(|()| mutations::run()),
        "simulate" => programs::simulate(rest),
        "transfer" => programs::transfer(rest),
        "hostile" => programs::hostile(rest),
        "storm" => no_more(command, rest).and_then(|()| programs::run(command, rest)),
        "endure" | "model" => programs::run(command, rest),
        "fuzz" => fuzz::run(rest),
        "instructions" => instructions::run(rest),
        unknown => Err(Failure::Usage(format!(
            "no such command: {unknown}\n\n{HELP}"
        ))),
    }
}

fn no_more(command: &str, rest: &[String]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::Usage(format!(
            "{command} takes no arguments, but was given {extra}; see: cargo xtask help"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, dispatch};

    fn usage(arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        match dispatch(&arguments) {
            Err(Failure::Usage(text)) => text,
            other => panic!("expected a usage error, got {other:?}"),
        }
    }

    #[test]
    fn an_unknown_command_is_answered_with_the_list() {
        let text = usage(&["tset"]);
        assert!(text.starts_with("no such command: tset"), "{text}");
        for command in [
            "test",
            "demo",
            "fuzz",
            "simulate",
            "endure",
            "transfer",
            "storm",
            "bench",
            "instructions",
            "hostile",
            "mutations",
            "deny",
            "rules",
            "ci",
        ] {
            assert!(text.contains(&format!("\n  {command}")), "{text}");
        }
    }

    #[test]
    fn arguments_that_a_command_does_not_take_are_refused() {
        assert!(usage(&["test", "--fast"]).contains("--fast"));
        assert!(usage(&["demo", "1"]).contains("demo takes no arguments"));
        assert!(usage(&["ci", "x"]).contains("ci takes no arguments"));
    }

    #[test]
    fn no_command_is_a_usage_error() {
        assert!(usage(&[]).starts_with("no command given"));
    }
}
