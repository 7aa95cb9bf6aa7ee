//! `cargo xtask picture`: the demo as a picture of a terminal, for the README.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace;

/// Where it is, from the root of the workspace.
const PLACE: &str = "docs/demo.svg";

const COLUMNS: usize = 112;
/// What of it is seen at a time.
const ROWS: u16 = 26;
const CHARACTER: f64 = 7.23;
const ROW: f64 = 17.0;
const TOP: f64 = 34.0;

/// How long the end stays before it begins anew, in seconds.
const PAUSE: f64 = 6.0;

/// A line of the demo, what colours it, and when it was printed, in seconds.
struct Line<'a> {
    text: &'a str,
    class: &'static str,
    at: f64,
}

pub(crate) fn run() -> Result<(), Failure> {
    let failed = |what: &str, error: std::io::Error| Failure::Failed(format!("{what}: {error}"));
    let program = env::current_exe().map_err(|error| failed("this program", error))?;
    println!("running the demo");
    let output = Command::new(program)
        .arg("demo")
        .env("CLICOLOR_FORCE", "1")
        .env_remove("NO_COLOR")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed("the demo", error))?;
    if !output.status.success() {
        return Err(Failure::Failed(format!("the demo: {}", output.status)));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let path = workspace::root().join(PLACE);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| failed(PLACE, error))?;
    }
    fs::write(&path, draw(&printed)).map_err(|error| failed(PLACE, error))?;
    println!("{PLACE}");
    Ok(())
}

/// Lines come up from below when they did, again and again; where nothing moves, the last of them are seen.
fn draw(printed: &str) -> String {
    let lines: Vec<Line<'_>> = printed.lines().map(parse).collect();
    let columns = u16::try_from(COLUMNS).unwrap_or(u16::MAX);
    let width = f64::from(columns) * CHARACTER + 32.0;
    let height = f64::from(ROWS) * ROW;
    let moves = scroll(&lines);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {:.0}\" role=\"img\" \
         aria-label=\"cargo xtask demo\">\n<style>\n\
         text {{ font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre; }}\n\
         .bold {{ font-weight: bold; fill: #ffffff; }}\n.good {{ fill: #8fd694; }}\n.bad {{ fill: #ff8a80; }}\n\
         .dim {{ fill: #8a93a5; }}\n{moves}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1b1f27\"/>\n\
         <circle cx=\"18\" cy=\"16\" r=\"5\" fill=\"#ff5f57\"/><circle cx=\"36\" cy=\"16\" r=\"5\" fill=\"#febc2e\"/>\
         <circle cx=\"54\" cy=\"16\" r=\"5\" fill=\"#28c840\"/>\n\
         <text x=\"72\" y=\"20\" class=\"dim\">cargo xtask demo</text>\n\
         <svg y=\"{TOP:.0}\" width=\"{width:.0}\" height=\"{height:.0}\"><g class=\"lines\">\n",
        TOP + height + 12.0,
    );
    for (row, line) in (1_u16..).zip(&lines) {
        if line.text.is_empty() {
            continue;
        }
        let y = f64::from(row) * ROW - 4.0;
        let (class, text) = (line.class, escaped(line.text));
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{y:.0}\" class=\"{class}\">{text}</text>"
        );
    }
    svg.push_str("</g></svg>\n</svg>\n");
    svg
}

/// The style by which the lines are moved.
fn scroll(lines: &[Line<'_>]) -> String {
    let up = |rows: usize| f64::from(u16::try_from(rows).unwrap_or(u16::MAX)) * ROW;
    let window = f64::from(ROWS) * ROW;
    let mut starts = lines.iter().scan(0.0, |latest, line| {
        *latest = line.at.max(*latest);
        Some(*latest)
    });
    let end = starts.clone().last().unwrap_or(0.0) + PAUSE;
    let mut style = format!(
        ".lines {{ transform: translateY({:.0}px); }}\n\
         @media (prefers-reduced-motion: no-preference) {{ .lines {{ animation: scroll {end:.1}s step-end infinite; }} }}\n\
         @keyframes scroll {{\n",
        window - up(lines.len()),
    );
    let mut before = 0;
    let mut next = starts.next();
    while let Some(start) = next {
        // All that came in the same tenth of a second comes up together.
        let mut count = 1;
        next = starts.next();
        while next.is_some_and(|other| other - start < 0.1) {
            count += 1;
            next = starts.next();
        }
        before += count;
        let (part, place) = (100.0 * start / end, window - up(before));
        let _ = writeln!(
            style,
            "{part:.2}% {{ transform: translateY({place:.0}px); }}"
        );
    }
    style.push_str("}\n");
    style
}

/// Takes a line apart that may be coloured as [`crate::demo`] does.
fn parse(line: &str) -> Line<'_> {
    let (before, coloured) = line.split_once("\x1b[").unwrap_or((line, ""));
    let at = before.trim_end().trim_end_matches(" s").trim();
    let at = at.parse().unwrap_or_else(|_| {
        let first = line.split_whitespace().next();
        first.and_then(|word| word.parse().ok()).unwrap_or(0.0)
    });
    let (code, text) = coloured.split_once('m').unwrap_or(("", before));
    let class = match code {
        "1" => "bold",
        "2" => "dim",
        "31" => "bad",
        "32" => "good",
        _ => "",
    };
    let text = text.trim_end_matches("\x1b[0m");
    Line { text, class, at }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let is_cut = text.chars().count() > COLUMNS;
    for character in text.chars().take(COLUMNS - usize::from(is_cut)) {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    if is_cut {
        escaped.push('…');
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{draw, escaped, parse};

    #[test]
    fn lines_keep_their_colour_and_their_time() {
        let line = parse("  1.500 s  \x1b[32mall <good>\x1b[0m");
        assert_eq!((line.text, line.class), ("all <good>", "good"));
        assert!((line.at - 1.5).abs() < 1e-9);
        let plain = parse("  0.250 s  a & b");
        assert_eq!((plain.text, plain.class), ("  0.250 s  a & b", ""));
        assert!((plain.at - 0.25).abs() < 1e-9);
        let svg = draw("  1.500 s  \x1b[32mall <good>\x1b[0m\n\n  2.000 s  end\n");
        assert!(svg.contains("class=\"good\">all &lt;good&gt;<"), "{svg}");
        // Two lines after a part of 1.5 of 8 seconds, and one more after 2.
        assert!(svg.contains(
            "18.75% { transform: translateY(408px); }\n25.00% { transform: translateY(391px); }"
        ));
        assert_eq!(svg.matches("<text").count(), 3);
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(escaped(&"ä".repeat(200)).chars().count(), super::COLUMNS);
    }
}
