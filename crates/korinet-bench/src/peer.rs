use crate::{Endpoint, Failure, Options, Relay, Tally};

/// A way to bring messages from one process to another.
pub trait Peer: Send + Sync + Sized + 'static {
    /// What clients connect to.
    type Listener: Send + Sync;
    /// One end of a session.
    type Link: Send + 'static;

    /// Listens on a port of the loopback interface that the system chooses.
    fn listen(
        options: &Options,
    ) -> impl Future<Output = Result<(Self::Listener, Endpoint), Failure>> + Send;

    /// The next session.
    fn accept(
        listener: &mut Self::Listener,
    ) -> impl Future<Output = Result<Self::Link, Failure>> + Send;

    /// Opens a session.
    fn connect(options: &Options) -> impl Future<Output = Result<Self::Link, Failure>> + Send;

    /// Brings one message to the other side, and its acknowledgement back.
    fn ask(link: &mut Self::Link) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Does what [`ask`](Self::ask) needs on the other side, until that is gone.
    fn answer(link: Self::Link, tally: Tally) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sends or receives as fast as it can, or both, and acknowledges as the peer does; counts what was received.
    fn pump(link: Self::Link, flow: Flow) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sends back what comes, for [`resume`](Self::resume); what [`answer`](Self::answer) does, where that is the same.
    fn echo(link: Self::Link, tally: Tally) -> impl Future<Output = Result<(), Failure>> + Send {
        Self::answer(link, tally)
    }

    /// Loses the connection while an answer is under way, and returns when it has come on the next one.
    ///
    /// As it is, for peers without sessions: a new connection, a message and its answer.
    fn resume(
        link: Self::Link,
        relay: &Relay,
        options: &Options,
    ) -> impl Future<Output = Result<Self::Link, Failure>> + Send {
        async {
            relay.cut();
            drop(link);
            let mut link = Self::connect(options).await?;
            Self::ask(&mut link).await?;
            Ok(link)
        }
    }

    /// Ends a session in good order.
    fn close(link: Self::Link) -> impl Future<Output = Result<(), Failure>> + Send {
        async {
            drop(link);
            Ok(())
        }
    }
}

/// Which way messages go, and how large they are.
#[derive(Debug)]
pub struct Flow {
    pub sends: bool,
    pub receives: bool,
    pub size: usize,
    /// Of what this side receives.
    pub tally: Tally,
}
