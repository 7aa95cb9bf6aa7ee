use std::process::Command;

use crate::dir::Dir;
use crate::run::Korinet;

/// Whether there is such a program here.
fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn script(shell: &str) -> String {
    let (code, out, err) = Korinet::start(&["completions", shell]).end();
    assert_eq!((code, err), (0, vec![]));
    out.join("\n")
}

#[test]
fn every_shell_gets_a_script_with_every_subcommand() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = script(shell);
        for part in [
            "listen",
            "connect",
            "ping",
            "chaos",
            "cert",
            "inspect",
            "completions",
            "man",
        ] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    let (code, _, err) = Korinet::start(&["completions", "csh"]).end();
    assert_eq!(code, 2);
    assert!(err.iter().any(|line| line.contains("csh")), "{err:?}");
}

#[test]
fn bash_completes_a_subcommand_and_its_options() {
    // A machine of Windows has none.
    if !is_there("bash") {
        return;
    }
    let script = script("bash");
    let complete = |words: &str, index: usize| {
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={index}; _korinet korinet \"${{COMP_WORDS[$COMP_CWORD]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &ask])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(complete("korinet ins", 1), "inspect\n");
    assert_eq!(complete("korinet inspect --js", 2), "--json\n");
}

#[test]
fn manual_pages_are_pages_of_man() {
    let dir = Dir::new("man");
    let (code, _, err) = Korinet::start(&["man", "--dir", &dir.path("pages")]).end();
    assert_eq!((code, err), (0, vec![]));
    let mut count = 0;
    for entry in std::fs::read_dir(dir.path("pages")).unwrap() {
        let path = entry.unwrap().path();
        count += 1;
        if !is_there("groff") {
            continue;
        }
        let output = Command::new("groff")
            .args(["-Tutf8", "-man", "-ww", "-Kutf8"])
            .arg(&path)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && told.is_empty(),
            "{}: {told}",
            path.display()
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("General Commands Manual"), "{text}");
    }
    assert!(count >= 9, "{count}");
}

#[test]
fn one_page_is_printed() {
    let (code, out, _) = Korinet::start(&["man", "chaos"]).end();
    assert_eq!(code, 0);
    let text = out.join("\n");
    assert!(text.contains(".TH korinet-chaos 1"), "{text}");
    assert!(text.contains("cut\\-every"), "{text}");
    let (code, _, err) = Korinet::start(&["man", "chaso"]).end();
    assert_eq!(code, 1);
    assert!(
        err[0].starts_with("korinet: found \"chaso\", expected one of listen, connect, "),
        "{err:?}"
    );
}
