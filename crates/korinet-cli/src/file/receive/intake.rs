//! What comes in one session: offers, and the files that they are of.

use std::path::PathBuf;
use std::time::Instant;

use korinet::{Message, Receiver, Sender};
use tokio::task::block_in_place;

use super::Shared;
use super::report::Received;
use crate::file::active::Claim;
use crate::file::part::Part;
use crate::file::place::{digest, is_there, place};
use crate::file::progress::Bar;
use crate::file::wire::{self, FromReceiver, FromSender, Offer};
use crate::file::{Digest, hex};
use crate::output::printable;
use crate::purpose::{why, why_not_sent};

pub(super) struct Intake<'a> {
    sender: &'a Sender,
    receiver: Receiver,
    peer: &'a str,
    shared: &'a Shared,
}

/// Why a file did not get to its place.
enum Trouble {
    /// The sender does not know yet, and may still be sending it if it began to.
    Here { text: String, is_sending: bool },
    /// The sender said so.
    There(String),
    /// There is nobody left to tell, or nothing that would be understood.
    Session(String),
}

impl Trouble {
    const fn before(text: String) -> Self {
        Self::Here {
            text,
            is_sending: false,
        }
    }

    const fn within(text: String) -> Self {
        Self::Here {
            text,
            is_sending: true,
        }
    }
}

impl<'a> Intake<'a> {
    pub(super) const fn new(
        sender: &'a Sender,
        receiver: Receiver,
        peer: &'a str,
        shared: &'a Shared,
    ) -> Self {
        Self {
            sender,
            receiver,
            peer,
            shared,
        }
    }

    /// Takes offers until the sender closes the session.
    pub(super) async fn run(mut self) -> Result<(), String> {
        while let Some(message) = self.next().await? {
            let FromSender::Offer(offer) = self.read(&message)? else {
                return Err(misplaced());
            };
            let start = Instant::now();
            let reported = match self.receive(&offer).await {
                Ok(received) => {
                    self.say(&FromReceiver::Placed).await?;
                    let reported = self.shared.report(self.peer, &offer, &received, start);
                    reported.map(|()| drop(self.shared.placed.send(Ok(()))))
                }
                Err(Trouble::There(text)) => self.shared.report_failure(self.peer, &offer, &text),
                Err(Trouble::Here { text, is_sending }) => {
                    let reported = self.shared.report_failure(self.peer, &offer, &text);
                    self.say(&FromReceiver::Failed(text)).await?;
                    if is_sending {
                        self.skip().await?;
                    }
                    reported
                }
                Err(Trouble::Session(text)) => {
                    // Nobody reads that this file has failed but who reads that the session has.
                    let _ = self.shared.report_failure(self.peer, &offer, &text);
                    return Err(text);
                }
            };
            if let Err(failure) = reported {
                let _ = self.shared.placed.send(Err(failure));
            }
        }
        Ok(())
    }

    async fn receive(&mut self, offer: &Offer) -> Result<Received, Trouble> {
        let target = self.shared.target(offer).map_err(Trouble::before)?;
        if self
            .shared
            .is_there(offer, &target)
            .map_err(Trouble::before)?
        {
            return self.confirm(offer, target).await;
        }
        let claim = self.shared.active.claim(&target).await;
        let opened = block_in_place(|| Part::open(&target, offer.size));
        let mut part = opened.map_err(|error| {
            Trouble::before(format!("cannot write the part of {}: {error}", offer.name))
        })?;
        let has = FromReceiver::Has(part.len(), part.digest());
        self.say(&has).await.map_err(Trouble::Session)?;
        let from = match self.hear(&claim).await? {
            FromSender::From(0) => block_in_place(|| part.clear().map(|()| 0))
                .map_err(|error| Trouble::within(unwritten(offer, &error)))?,
            FromSender::From(from) if from == part.len() => from,
            FromSender::Stop(text) => return Err(Trouble::There(text)),
            FromSender::From(_) | FromSender::Offer(_) | FromSender::End(_) => {
                return Err(Trouble::Session(misplaced()));
            }
        };
        let bar = self
            .shared
            .progress
            .file(&printable(&offer.name), offer.size);
        bar.start_at(from);
        let digest = self.receive_bytes(offer, &mut part, &claim, &bar).await?;
        if part.len() != offer.size || part.digest() != digest {
            let text = format!(
                "{} of {} bytes arrived, with SHA-256 {} where {} is expected",
                part.len(),
                offer.size,
                hex(&part.digest()),
                hex(&digest)
            );
            // What is wrong with it is not known, so nothing of it is of use.
            let _ = part.clear();
            return Err(Trouble::before(text));
        }
        let may_replace = self.shared.may_replace;
        block_in_place(|| place(part, &target, offer, may_replace)).map_err(Trouble::before)?;
        Ok(Received {
            target,
            from,
            digest,
        })
    }

    /// Asks whether the sender has the file that is there: it may not have heard that it got there.
    async fn confirm(&mut self, offer: &Offer, target: PathBuf) -> Result<Received, Trouble> {
        let claim = self.shared.active.claim(&target).await;
        let digest = block_in_place(|| digest(&target));
        let digest = digest
            .map_err(|error| Trouble::before(format!("cannot read {}: {error}", offer.name)))?;
        let has = FromReceiver::Has(offer.size, digest);
        self.say(&has).await.map_err(Trouble::Session)?;
        match self.hear(&claim).await? {
            FromSender::From(from) if from == offer.size => {}
            FromSender::From(_) => return Err(Trouble::within(is_there(&target))),
            FromSender::Stop(text) => return Err(Trouble::There(text)),
            FromSender::Offer(_) | FromSender::End(_) => return Err(Trouble::Session(misplaced())),
        }
        match self.hear(&claim).await? {
            FromSender::End(said) if said == digest => Ok(Received {
                target,
                from: offer.size,
                digest,
            }),
            FromSender::End(_) => Err(Trouble::before(is_there(&target))),
            FromSender::Stop(text) => Err(Trouble::There(text)),
            FromSender::Offer(_) | FromSender::From(_) => Err(Trouble::Session(misplaced())),
        }
    }

    /// Writes what comes; the digest that the sender tells at its end.
    async fn receive_bytes(
        &mut self,
        offer: &Offer,
        part: &mut Part,
        claim: &Claim,
        bar: &Bar,
    ) -> Result<Digest, Trouble> {
        loop {
            let message = self.next_unless(claim).await?;
            if !message.is_raw() {
                return match self.read(&message).map_err(Trouble::Session)? {
                    FromSender::End(digest) => Ok(digest),
                    FromSender::Stop(text) => Err(Trouble::There(text)),
                    FromSender::Offer(_) | FromSender::From(_) => {
                        Err(Trouble::Session(misplaced()))
                    }
                };
            }
            let written = self.write(offer, part, message.data());
            // Also where that has failed, or what follows would not be acknowledged either.
            self.receiver.done(&message);
            written.map_err(Trouble::within)?;
            bar.set(part.len());
        }
    }

    fn write(&self, offer: &Offer, part: &mut Part, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 > offer.size - part.len() {
            return Err(format!(
                "more than the {} bytes that were offered came",
                offer.size
            ));
        }
        block_in_place(|| part.write(bytes)).map_err(|error| unwritten(offer, &error))
    }

    /// Passes over what is still sent of a file that has failed here.
    async fn skip(&mut self) -> Result<(), String> {
        while let Some(message) = self.next().await? {
            if message.is_raw() {
                self.receiver.done(&message);
                continue;
            }
            return match self.read(&message)? {
                // It began before it was told.
                FromSender::From(_) => continue,
                FromSender::End(_) | FromSender::Stop(_) => Ok(()),
                FromSender::Offer(_) => Err(misplaced()),
            };
        }
        Err(early_end())
    }

    async fn next(&mut self) -> Result<Option<Message>, String> {
        self.receiver.recv().await.map_err(|error| why(&error))
    }

    async fn next_unless(&mut self, claim: &Claim) -> Result<Message, Trouble> {
        tokio::select! {
            next = self.next() => {
                let next = next.map_err(Trouble::Session)?;
                next.ok_or_else(|| Trouble::Session(early_end()))
            }
            () = claim.superseded() => {
                let text = "another sender offers a file of the same name";
                Err(Trouble::within(text.to_owned()))
            }
        }
    }

    async fn hear(&mut self, claim: &Claim) -> Result<FromSender, Trouble> {
        let message = self.next_unless(claim).await?;
        self.read(&message).map_err(Trouble::Session)
    }

    fn read(&self, message: &Message) -> Result<FromSender, String> {
        self.receiver.done(message);
        wire::read(message)
    }

    async fn say(&self, words: &FromReceiver) -> Result<(), String> {
        let said = self.sender.feed(words).await;
        said.map_err(|error| why_not_sent(&error))
    }
}

fn unwritten(offer: &Offer, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", offer.name)
}

fn misplaced() -> String {
    "peer says something that does not belong here".to_owned()
}

fn early_end() -> String {
    "session was closed within a file".to_owned()
}
