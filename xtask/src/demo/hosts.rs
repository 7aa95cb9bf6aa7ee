//! Whom the client of an act talks to: the server, and the proxy in front of it that breaks the link.

use std::process::Command;
use std::time::Duration;

use super::process::{Process, Source};
use super::stage::Stage;
use crate::failure::{Failure, while_doing};
use crate::workspace;

/// How long the server's port stays deserted after a kill.
const DOWN: Duration = Duration::from_millis(300);
/// The cuts of one demo are those of the next.
const SEED: &str = "3";
const ANY_PORT: &str = "127.0.0.1:0";

/// What the proxy does to the link.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// What there is to see, in a word.
    pub(crate) like: &'static str,
    /// The arguments of `korinet chaos` for it.
    pub(crate) faults: &'static [&'static str],
}

pub(crate) struct Hosts {
    server: Host,
    proxy: Option<Host>,
}

/// A process that listens; those that come after it take over its number plus one, and its address.
struct Host {
    run: u32,
    process: Process,
    address: String,
}

impl Hosts {
    pub(crate) fn start(stage: &mut Stage<'_>, link: Option<Link>) -> Result<Self, Failure> {
        let server = start_server(stage, 1, ANY_PORT)?;
        let proxy = match link {
            Some(link) => Some(start_proxy(stage, 1, ANY_PORT, &server.address, link)?),
            None => None,
        };
        Ok(Self { server, proxy })
    }

    /// Where the client connects to.
    pub(crate) fn address(&self) -> &str {
        let host = self.proxy.as_ref().unwrap_or(&self.server);
        &host.address
    }

    /// How many servers there were so far.
    pub(crate) fn servers(&self) -> u32 {
        self.server.run
    }

    pub(crate) fn restart_server(&mut self, stage: &mut Stage<'_>) -> Result<(), Failure> {
        let run = self.server.run;
        self.end(stage)?;
        let last = stage.last_number();
        stage.screen().bad(&format!(
            "server {run} killed, the last number that it printed is {last}"
        ));
        stage.pause(DOWN)?;
        self.server = start_server(stage, run + 1, &self.server.address)?;
        Ok(())
    }

    /// Ends the server, and with it the act.
    pub(crate) fn end(&mut self, stage: &mut Stage<'_>) -> Result<(), Failure> {
        let killed = self.server.process.kill();
        killed.map_err(while_doing("killing the server"))?;
        stage.watch_until_ended(Source::Server(self.server.run))
    }

    /// A proxy keeps to its faults, so for others there is another; the link is cut once more by that.
    pub(crate) fn change_link(&mut self, stage: &mut Stage<'_>, link: Link) -> Result<(), Failure> {
        let (run, address) = self.kill_proxy(stage)?;
        let proxy = start_proxy(stage, run, &address, &self.server.address, link)?;
        self.proxy = Some(proxy);
        Ok(())
    }

    /// As when a whole machine goes down: acknowledgements that are under way are lost with the server.
    pub(crate) fn restart_all(&mut self, stage: &mut Stage<'_>, link: Link) -> Result<(), Failure> {
        let (run, address) = self.kill_proxy(stage)?;
        self.restart_server(stage)?;
        let proxy = start_proxy(stage, run, &address, &self.server.address, link)?;
        self.proxy = Some(proxy);
        Ok(())
    }

    /// Returns what the proxy that follows is to be.
    fn kill_proxy(&mut self, stage: &mut Stage<'_>) -> Result<(u32, String), Failure> {
        let Some(mut old) = self.proxy.take() else {
            return Ok((1, ANY_PORT.to_owned()));
        };
        let run = old.run;
        let killed = old.process.kill();
        killed.map_err(while_doing("killing the proxy"))?;
        let screen = stage.screen();
        screen.bad(&format!("proxy {run} killed, and its connections with it"));
        stage.watch_until_ended(Source::Proxy(run))?;
        Ok((run + 1, old.address))
    }
}

fn start_server(stage: &mut Stage<'_>, run: u32, address: &str) -> Result<Host, Failure> {
    let mut command = Command::new(workspace::korinet());
    command.args(["listen", address, "--protocol", "auto"]);
    let (process, address) = stage.start_host(command, Source::Server(run))?;
    let pid = process.id();
    stage.screen().say(&format!(
        "server {run} (process {pid}) listens on {address}"
    ));
    Ok(Host {
        run,
        process,
        address,
    })
}

fn start_proxy(
    stage: &mut Stage<'_>,
    run: u32,
    address: &str,
    target: &str,
    link: Link,
) -> Result<Host, Failure> {
    let mut command = Command::new(workspace::korinet());
    command.args(["chaos", address, target, "--seed", SEED]);
    command.args(link.faults);
    let (process, address) = stage.start_host(command, Source::Proxy(run))?;
    let pid = process.id();
    let like = link.like;
    stage.screen().say(&format!(
        "proxy {run} (process {pid}) forwards from {address}: {like}"
    ));
    Ok(Host {
        run,
        process,
        address,
    })
}
