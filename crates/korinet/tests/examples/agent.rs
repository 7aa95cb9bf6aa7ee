use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use super::{LONG, Process, path};

/// A command that prints a line and goes on until it is ended: one of the examples. Where it listens.
fn running(agent: &mut Process, addr: &str, command: &str) -> (Process, String) {
    let mut client = Process::start("agent", &["run", addr, command, "serve", "127.0.0.1:0"]);
    assert!(agent.line().starts_with("running "));
    let line = client.line();
    let at = line.strip_prefix("serving on ").expect("where it serves");
    TcpStream::connect(at).unwrap();
    (client, at.to_owned())
}

/// The agent has ended the command: nobody listens where it did, once the system has cleared it away.
fn check_ended(agent: &mut Process, at: &str, why: &str) {
    // With a session that is gone the command may be given up first.
    while !agent.line().starts_with(why) {}
    let since = Instant::now();
    while TcpStream::connect(at).is_ok() {
        assert!(since.elapsed() < LONG, "{at} still listens");
        thread::yield_now();
    }
}

#[test]
fn an_agent_runs_what_it_allows_and_nothing_else() {
    let command = path("codec").display().to_string();
    let (mut agent, addr) = Process::listening("agent", &["serve", "127.0.0.1:0", &command, "no"]);
    let printed = Process::start("agent", &["run", &addr, &command]).succeeds();
    assert_eq!(printed.len(), 2, "{printed:?}");
    let why = Process::start("agent", &["run", &addr, "rm", "-rf"]).fails();
    let allowed = format!("request did not run: refused: allowed are {command}, no\n");
    assert_eq!(why, allowed);
    // One that there is not, and one that fails.
    let why = Process::start("agent", &["run", &addr, "no"]).fails();
    assert!(why.starts_with("request did not run: refused: "), "{why}");
    let why = Process::start("agent", &["run", &addr, &command, "127.0.0.1:1"]).fails();
    assert_eq!(why, "");
    agent.kill();
}

#[test]
fn a_command_ends_with_the_session_of_a_client_that_is_killed() {
    let command = path("api").display().to_string();
    let (mut agent, addr) = Process::listening("agent", &["serve", "127.0.0.1:0", &command]);
    let (mut client, at) = running(&mut agent, &addr, &command);
    client.kill();
    check_ended(&mut agent, &at, "a client is gone: ");
    agent.kill();
}

#[cfg(unix)]
#[test]
fn a_command_ends_when_its_client_is_interrupted() {
    let command = path("api").display().to_string();
    let (mut agent, addr) = Process::listening("agent", &["serve", "127.0.0.1:0", &command]);
    let (client, at) = running(&mut agent, &addr, &command);
    client.interrupt();
    assert_eq!(client.fails(), "interrupted\n");
    check_ended(&mut agent, &at, "a command was given up: ");
    agent.kill();
}
