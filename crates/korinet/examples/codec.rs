//! The codec alone, over a socket of one's own: no session, nothing that connects again.
//!
//! ```console
//! $ codec 127.0.0.1:1235
//! ```
//!
//! Connects to any server of protocol v2, sends a message, prints the frames that come, and acknowledges by hand those
//! that are messages. Without an address it does so with a server of its own, which is the same codec.

#![allow(clippy::print_stderr, reason = "for a terminal")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use futures_util::{SinkExt, StreamExt};
use korinet::Value;
use korinet::wire::v2::{ACKNOWLEDGEMENT, Limits, MessageId};
use korinet_proto::v2::{EncodedFrame, Frame, FrameCodec, MessageIds};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

type Frames = Framed<TcpStream, FrameCodec>;

fn framed(stream: TcpStream) -> Frames {
    Framed::new(stream, FrameCodec::new(Limits::default()))
}

fn acknowledgement(id: MessageId) -> Result<EncodedFrame, Box<dyn Error>> {
    let frame = EncodedFrame::from_cbor(id, ACKNOWLEDGEMENT, &Limits::default());
    Ok(frame?)
}

async fn next(frames: &mut Frames) -> Result<Frame, Box<dyn Error>> {
    let frame = frames.next().await.ok_or("the connection is closed")??;
    writeln!(stdout(), "{:?}", Value::from_cbor(frame.data())?)?;
    Ok(frame)
}

/// Sends one message, and takes one in return.
async fn ask(mut frames: Frames, ids: &mut MessageIds) -> Result<(), Box<dyn Error>> {
    let ping = BTreeMap::from([("type", "ping")]);
    let ping = EncodedFrame::new(ids.draw(), &ping, &Limits::default())?;
    frames.send(ping).await?;
    if next(&mut frames).await?.data() != ACKNOWLEDGEMENT {
        return Err("the server did not acknowledge".into());
    }
    next(&mut frames).await?;
    Ok(frames.send(acknowledgement(ids.draw())?).await?)
}

/// The other side of it: acknowledges one message and sends it back.
async fn answer(listener: &TcpListener, ids: &mut MessageIds) -> Result<(), Box<dyn Error>> {
    let mut frames = framed(listener.accept().await?.0);
    let message = frames.next().await.ok_or("nothing came")??;
    frames.send(acknowledgement(ids.draw())?).await?;
    let back = EncodedFrame::from_cbor(ids.draw(), message.data(), &Limits::default())?;
    frames.send(back).await?;
    frames.next().await.transpose()?;
    Ok(())
}

async fn run(addr: Option<String>) -> Result<(), Box<dyn Error>> {
    // The real thing draws seeds at random: ids must not come twice.
    let seed = |byte| MessageIds::from_seed([byte; 32]);
    if let Some(addr) = addr {
        return ask(framed(TcpStream::connect(addr).await?), &mut seed(1)).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let frames = framed(TcpStream::connect(listener.local_addr()?).await?);
    let (mut asking, mut answering) = (seed(1), seed(2));
    tokio::try_join!(ask(frames, &mut asking), answer(&listener, &mut answering))?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let ended = run(std::env::args().nth(1)).await;
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    let mut cause: Option<&dyn Error> = Some(&*error);
    while let Some(error) = cause {
        eprintln!("{error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
