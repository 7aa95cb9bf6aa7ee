//! The rules that hold the layers apart, checked against what cargo itself says of the workspace.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each layer and the crates of the workspace that it may use, all of them below it.
const LAYERS: [(&str, &[&str]); 6] = [
    ("korinet-wire", &[]),
    ("korinet-proto", &["korinet-wire"]),
    ("korinet-session", &["korinet-wire", "korinet-proto"]),
    (
        "korinet",
        &["korinet-wire", "korinet-proto", "korinet-session"],
    ),
    // It knows nothing of what it breaks.
    ("korinet-chaos", &[]),
    ("korinet-cli", &["korinet", "korinet-chaos"]),
];

#[test]
fn a_layer_uses_only_what_is_below_it() {
    let packages = packages();
    let ours: Vec<&str> = packages.iter().map(name).collect();
    for (layer, below) in LAYERS {
        for dependency in dependencies(package(&packages, layer)) {
            let outside = !ours.contains(&dependency);
            assert!(
                outside || below.contains(&dependency),
                "{layer} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn every_published_crate_has_its_place_among_the_layers() {
    for package in &packages() {
        // `publish = false` is an empty list of registries.
        let published = package["publish"].is_null();
        let layer = LAYERS.iter().any(|(layer, _)| *layer == name(package));
        assert_eq!(published, layer, "{}", name(package));
    }
}

#[test]
fn the_wire_depends_on_minicbor_alone() {
    let packages = packages();
    let found = dependencies(package(&packages, "korinet-wire"));
    assert!(found.iter().all(|name| *name == "minicbor"), "{found:?}");
}

#[test]
fn what_lives_on_one_connection_needs_no_runtime() {
    let packages = packages();
    for layer in ["korinet-wire", "korinet-proto"] {
        let found = dependencies(package(&packages, layer));
        assert!(
            !found.contains(&"tokio"),
            "{layer} must not depend on tokio"
        );
    }
}

/// Who does not ask for TLS gets none of it, and nobody gets what only the command or the tests need.
#[test]
fn a_plain_build_has_neither_tls_nor_the_command_in_it() {
    let tree = plain_build("korinet");
    let has = |name: &str| tree.iter().any(|found| found == name);
    assert!(has("korinet-session") && has("tokio"), "{tree:?}");
    for unwanted in [
        "clap",
        "humantime",
        "rcgen",
        "ring",
        "serde_json",
        "tokio-rustls",
        "tracing-subscriber",
    ] {
        assert!(!has(unwanted), "{unwanted} is in {tree:?}");
    }
    let tls = tree.iter().find(|name| name.starts_with("rustls"));
    assert_eq!(tls, None, "in {tree:?}");
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in &packages() {
        let path = package["manifest_path"].as_str().expect("a manifest");
        let manifest = fs::read_to_string(path).expect("a readable manifest");
        let mut lines = manifest.lines().map(str::trim);
        let takes_them =
            lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true");
        assert!(
            takes_them,
            "{} lacks [lints] workspace = true",
            name(package)
        );
    }
}

/// The packages of the workspace, as cargo describes them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {text}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

/// The names of all packages that a build of this one with its default features compiles in.
fn plain_build(package: &str) -> Vec<String> {
    let tree = ["tree", "--locked", "--offline", "--edges", "normal"];
    let names = ["--prefix", "none", "--format", "{p}", "--package"];
    let output = Command::new(env!("CARGO"))
        .args(tree)
        .args(names)
        .arg(package)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {text}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

fn package<'a>(packages: &'a [Value], wanted: &str) -> &'a Value {
    let mut found = packages.iter().filter(|package| name(package) == wanted);
    found
        .next()
        .unwrap_or_else(|| panic!("the workspace has no {wanted}"))
}

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a name")
}

/// What a package needs when it is used; what only its tests need may come from anywhere.
fn dependencies(package: &Value) -> Vec<&str> {
    let all = package["dependencies"].as_array().expect("a list");
    all.iter()
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .map(name)
        .collect()
}
