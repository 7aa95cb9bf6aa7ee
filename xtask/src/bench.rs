//! `cargo xtask bench`: korinet beside its peers, by the package under `crates/korinet-bench`.

use std::process::Command;

use crate::failure::Failure;
use crate::{python, steps, workspace};

pub(crate) const MANIFEST: &str = "crates/korinet-bench/Cargo.toml";

/// The peers that need more than the floor does; each is a feature of the package.
const FEATURES: [&str; 9] = [
    "tls",
    "tonic",
    "websocket",
    "quinn",
    "zeromq",
    "tarpc",
    "zmq",
    "nats",
    "mqtt",
];

/// What is compared if nothing is said: all that need nothing to be installed.
const PEERS: &str = "tcp,hand,korinet,tls,tonic,websocket,quinn,zeromq,tarpc";

/// How the programs are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    Dev,
    Release,
}

/// Builds the programs of the peers that are asked for, and no others, and runs them.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut arguments = arguments.to_vec();
    if !arguments.iter().any(|argument| argument == "--peers") {
        arguments.extend(["--peers".to_owned(), PEERS.to_owned()]);
    }
    let features = features(&arguments);
    steps::run(&mut built(
        &["build", "--bins"],
        Profile::Release,
        &features,
    ))?;
    let mut command = built(&["run", "--bin", "bench"], Profile::Release, &features);
    if peers(&arguments).any(|peer| peer == "python") {
        match python::prepare() {
            Ok(path) => drop(command.env(python::VARIABLE, path)),
            Err(why) => println!("no Python package: {why}"),
        }
    }
    steps::run(command.arg("--").args(arguments))
}

/// The lints, and one short round of the peers that need nothing else; no time is asserted, only that there are figures.
pub(crate) fn check() -> Result<(), Failure> {
    let mut lints = built(&["clippy", "--all-targets"], Profile::Dev, "");
    steps::run(lints.args(["--", "-D", "warnings"]))?;
    steps::run(&mut built(&["test"], Profile::Dev, ""))?;
    steps::run(&mut built(&["build", "--bins"], Profile::Dev, ""))?;
    let mut quick = built(&["run", "--bin", "bench"], Profile::Dev, "");
    steps::run(quick.args(["--", "--quick", "--peers", "tcp,hand,korinet"]))
}

/// Those of the peers that are asked for; unknown ones are left to the program, which answers with what there is.
fn features(arguments: &[String]) -> String {
    let features: Vec<&str> = peers(arguments)
        .filter(|peer| FEATURES.contains(peer))
        // Without the library itself it would be built from its source, which takes another compiler.
        .filter(|peer| *peer != "zmq" || has_libzmq())
        .collect();
    features.join(",")
}

fn peers(arguments: &[String]) -> impl Iterator<Item = &str> {
    let options = arguments.iter().zip(arguments.iter().skip(1));
    options
        .filter(|(option, _)| *option == "--peers")
        .flat_map(|(_, list)| list.split(','))
}

fn has_libzmq() -> bool {
    let found = Command::new("pkg-config")
        .args(["--exists", "libzmq"])
        .status();
    found.is_ok_and(|status| status.success())
}

fn built(command: &[&str], profile: Profile, features: &str) -> Command {
    let mut command = workspace::cargo(command);
    command.args(["--quiet", "--locked", "--manifest-path", MANIFEST]);
    command.args(["--features", features]);
    // Apart from the workspace's own programs, of which one has the name of a peer.
    let target = workspace::target_dir().join("bench");
    command.arg("--target-dir").arg(target);
    if profile == Profile::Release {
        command.arg("--release");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::features;

    #[test]
    fn only_what_is_asked_for_is_built() {
        let features = |text: &str| {
            let arguments: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            features(&arguments)
        };
        assert_eq!(
            features("--quick --peers tcp,tls,korinet --rounds 1"),
            "tls"
        );
        assert_eq!(features("--peers tcp,unknown"), "");
        assert_eq!(features("--quick"), "");
    }
}
