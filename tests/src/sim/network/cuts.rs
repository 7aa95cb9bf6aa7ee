use super::{Due, Network};
use crate::sim::conditions::{Conditions, Cut, How, Other};
use crate::sim::link::{Dialler, End, LinkId, Pipe, Side};
use crate::sim::sky::Sky;
use crate::sim::tally::Fault;

impl Network {
    /// Cuts a connection as its conditions say.
    pub fn cut(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let cut = match (link.conditions.cut.take(), link.conditions.cut_after) {
            (Some(cut), _) => cut,
            (None, Some((_, how, other))) => Cut {
                from: if id.0.is_multiple_of(2) {
                    Side::Client
                } else {
                    Side::Server
                },
                at: 0,
                how,
                other,
            },
            (None, None) => return,
        };
        self.cut_as(id, cut);
    }

    /// Cuts a connection.
    pub fn cut_as(&mut self, id: LinkId, cut: Cut) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let is_alive = |side| matches!(link.end(side), End::Open | End::Finished);
        if link.is_cut || !is_alive(Side::Client) || !is_alive(Side::Server) {
            return;
        }
        link.is_cut = true;
        self.note(format_args!("{id} is cut: {cut:?}"));
        self.fault(match cut.how {
            How::Fin => Fault::CutByFin,
            How::Reset => Fault::CutByReset,
            How::Silence => Fault::Silence,
            How::HalfSilence => Fault::HalfSilence,
        });
        let (writer, reader) = (cut.from, cut.from.peer());
        match cut.how {
            How::Silence => {
                self.pipe(id, writer, Pipe::fall_silent);
                self.pipe(id, reader, Pipe::fall_silent);
            }
            How::HalfSilence => self.pipe(id, writer, Pipe::fall_silent),
            How::Fin | How::Reset => {
                let is_reset = cut.how == How::Reset;
                self.pipe(id, writer, Pipe::fall_silent);
                self.push_due(self.now, Due::Told(id, reader, is_reset));
                self.tell_other(id, writer, is_reset, cut.other);
            }
        }
    }

    /// The side whose bytes were cut hears of it, or does not.
    fn tell_other(&mut self, id: LinkId, side: Side, is_reset: bool, other: Other) {
        match other {
            Other::AtOnce if is_reset => {
                self.pipe(id, side.peer(), Pipe::fall_silent);
                self.push_due(self.now, Due::Told(id, side, true));
            }
            Other::AtOnce => {
                let left = self
                    .links
                    .get(&id)
                    .map_or(0, |link| link.pipe(side.peer()).queue.len());
                let kept = self.draw.below(left as u64 + 1);
                self.pipe(id, side.peer(), |pipe| {
                    pipe.queue.truncate(usize::try_from(kept).unwrap());
                    pipe.is_finished = true;
                });
                self.schedule(id, side.peer());
            }
            Other::Later(wait) => {
                self.push_due(self.now + wait, Due::Told(id, side, is_reset));
            }
            Other::Never => {
                self.pipe(id, side.peer(), Pipe::fall_silent);
                self.fault(Fault::HalfOpen);
            }
        }
    }

    /// `side` is told that the connection is over; what its process did with it till then.
    pub fn tell(&mut self, id: LinkId, side: Side, is_reset: bool) -> End {
        let Some(link) = self.links.get_mut(&id) else {
            return End::Closed;
        };
        let had = link.end(side);
        if had == End::Closed {
            return had;
        }
        if is_reset {
            link.pipe_mut(side).queue.clear();
        }
        link.pipe_mut(side.peer()).is_over = true;
        self.close(id, side);
        had
    }

    /// The faults end: what is under way arrives, and whoever could not find out by itself that a
    /// connection is gone is told.
    pub fn calm_down(&mut self, has_keep_alive: bool) {
        self.sky = Sky::calm();
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            link.conditions = Conditions {
                host: link.conditions.host,
                connect: link.conditions.connect,
                ..Conditions::CALM
            };
            // A changed frame may pass for another one that means nothing, and then it shows with
            // the next message only.
            let is_attack = link.dialler == Dialler::Attacker;
            if link.is_tampered || is_attack || (link.is_cut && !has_keep_alive) {
                self.push_due(self.now, Due::Told(id, Side::Client, true));
                self.push_due(self.now, Due::Told(id, Side::Server, true));
            }
            for side in [Side::Client, Side::Server] {
                self.pipe(id, side, |pipe| pipe.due = None);
                self.schedule(id, side);
            }
        }
    }
}
