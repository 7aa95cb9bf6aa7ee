use super::Process;

fn join(addr: &str, nick: &str) -> Process {
    let mut client = Process::start("chat", &[addr, nick]);
    assert_eq!(client.line(), format!("* {nick} joined"));
    client
}

#[test]
fn a_room_hears_what_everybody_says() {
    let (mut server, addr) = Process::listening("chat", &["127.0.0.1:0"]);
    let mut alice = join(&addr, "alice");
    let mut bob = join(&addr, "bob");
    assert_eq!(alice.line(), "* bob joined");
    alice.say("hello");
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.line(), "alice: hello");
    }
    bob.say("\x1b[2J");
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.line(), r"bob: \u{1b}[2J");
    }

    let why = Process::start("chat", &[&addr, "bob"]).fails();
    assert!(why.contains("this nickname cannot be had"), "{why}");

    bob.hush();
    bob.succeeds();
    assert_eq!(alice.line(), "* bob left");
    // One that is killed leaves when its session ends; the room goes on.
    let mut carol = join(&addr, "carol");
    assert_eq!(alice.line(), "* carol joined");
    carol.kill();
    alice.say("still here");
    assert_eq!(alice.line(), "alice: still here");
    alice.hush();
    alice.succeeds();
    server.kill();
}

#[cfg(unix)]
#[test]
fn a_server_that_is_interrupted_ends_in_good_order() {
    let (server, addr) = Process::listening("chat", &["127.0.0.1:0"]);
    // It is for a client to wait for another server, as long as its user likes.
    let _alice = join(&addr, "alice");
    server.interrupt();
    server.succeeds();
}
