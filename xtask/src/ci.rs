//! `cargo xtask ci`: what decides whether a change is sound.

use crate::failure::Failure;
use crate::steps::Steps;
use crate::workspace::cargo;
use crate::{bench, deny, fuzz, mutations, no_std, rules, test};

pub(crate) fn run() -> Result<(), Failure> {
    let mut steps = Steps::new("ci");
    format(&mut steps);
    lints_and_docs(&mut steps);
    steps.run("rules", |_| rules::run());
    steps.run("dependencies", |_| deny::run());
    steps.run("no_std proof", no_std::prove);
    steps.run("fuzz package", |_| fuzz::check());
    steps.run("bench package", |_| bench::check());
    for layer in ["korinet-wire", "korinet-proto"] {
        steps.command(
            &format!("{layer} without features"),
            &mut cargo(&["check", "--package", layer, "--no-default-features"]),
        );
    }
    test::add_to(&mut steps);
    steps.run("mutations", |_| mutations::run());
    steps.finish()
}

/// The packages that are not members of the workspace are named one by one.
fn format(steps: &mut Steps) {
    steps.command("format", &mut cargo(&["fmt", "--all", "--check"]));
    for manifest in [bench::MANIFEST, fuzz::MANIFEST, no_std::MANIFEST] {
        steps.command(
            &format!("format of {manifest}"),
            &mut cargo(&["fmt", "--check", "--manifest-path", manifest]),
        );
    }
}

fn lints_and_docs(steps: &mut Steps) {
    let lints = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    steps.command("lints", &mut cargo(&lints));
    let docs = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    steps.command("docs", cargo(&docs).env("RUSTDOCFLAGS", "-D warnings"));
    // The other members of the workspace have TLS.
    let plain = ["--package", "korinet"];
    let targets = ["clippy", "--all-targets"];
    let lints = [&targets[..], &plain, &["--", "-D", "warnings"]].concat();
    steps.command("lints without TLS", &mut cargo(&lints));
    let docs = [&["doc", "--no-deps"][..], &plain].concat();
    let mut docs = cargo(&docs);
    steps.command("docs without TLS", docs.env("RUSTDOCFLAGS", "-D warnings"));
}
