use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::LocalKey;

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// How much is read at once, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// The most that is read at once where frames are large: as many whole ones as fit.
const LARGE_READ_SIZE: usize = 4 * READ_SIZE;

/// From this many bytes on a frame is large: the rest of it is read to where its beginning is.
const LARGE_FRAME: usize = 8 * 1024;

/// What is read of a frame that is larger than all that is read at once, to see how large it is.
const BEGINNING: usize = 4 * 1024;

thread_local! {
    /// Where reads go while nothing is waited for, so that an idle connection has no memory for them.
    static SCRATCH: Cell<BytesMut> = Cell::new(BytesMut::new());

    /// The same where frames are large.
    static LARGE_SCRATCH: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// What was read from a connection and is not handled: a part of a frame.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) bytes: BytesMut,
    /// The size of the last frame that came in parts, if it was large; otherwise zero.
    large_frame: usize,
}

impl Input {
    /// Reads once; how many bytes came, zero for the end.
    pub(super) fn poll_read<Io: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
    ) -> Poll<io::Result<usize>> {
        if !self.bytes.is_empty() {
            let room = self.bytes.capacity();
            self.large_frame = if room < LARGE_FRAME { 0 } else { room };
            if self.large_frame > 0 {
                if self.bytes.len() == room {
                    self.bytes.reserve(READ_SIZE);
                }
                // To where the rest of it is waited for.
                return poll_read_buf(Pin::new(io), cx, &mut self.bytes);
            }
        }
        let (scratch, memory, size) = match self.large_frame {
            0 => (&SCRATCH, READ_SIZE, READ_SIZE),
            // Frames of one size come whole, and no part of one is copied.
            len if len <= LARGE_READ_SIZE => {
                let size = LARGE_READ_SIZE / len * len;
                (&LARGE_SCRATCH, size, size)
            }
            _ => (&SCRATCH, READ_SIZE, BEGINNING),
        };
        let mut buffer = take(scratch, memory);
        // The part of a frame that is there comes first, for the rest of it to follow.
        buffer.put_slice(&self.bytes);
        let read = poll_read_buf(Pin::new(io), cx, &mut (&mut buffer).limit(size));
        if size == BEGINNING && matches!(read, Poll::Ready(Ok(_))) {
            // If it is one of another such frame, that is seen by the room for the rest; else there is no more of them.
            self.large_frame = 0;
        }
        match read {
            Poll::Ready(Ok(1..)) if is_nearly_full(&buffer) => self.bytes = buffer,
            Poll::Ready(Ok(1..)) => {
                self.append(&buffer);
                scratch.set(buffer);
            }
            Poll::Ready(_) | Poll::Pending => scratch.set(buffer),
        }
        read
    }

    /// Puts what came behind the part of a frame that was there, both of which `all` is, in memory of the right size:
    /// messages keep it for as long as the application does not read them.
    fn append(&mut self, all: &[u8]) {
        if let Some(came) = all.get(self.bytes.len()..)
            && came.len() <= self.bytes.capacity() - self.bytes.len()
        {
            self.bytes.put_slice(came);
        } else {
            self.bytes = BytesMut::from(all);
        }
    }
}

/// An empty buffer of this size, or so little more that it is nearly full when so much is read.
fn take(scratch: &'static LocalKey<Cell<BytesMut>>, size: usize) -> BytesMut {
    let mut buffer = scratch.take();
    if !(size..=size + size / 7).contains(&buffer.capacity()) {
        return BytesMut::with_capacity(size);
    }
    buffer.clear();
    buffer
}

/// Whether messages may keep this memory as it is.
fn is_nearly_full(buffer: &BytesMut) -> bool {
    let (len, capacity) = (buffer.len(), buffer.capacity());
    len >= capacity - capacity / 8
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::ReadBuf;

    use super::*;

    /// Frames of one size, of which a part is there at a time.
    struct Frames {
        len: usize,
        /// How many bytes were read.
        read: usize,
        there: usize,
        /// How many bytes were asked for, each time.
        asked: Vec<usize>,
    }

    impl AsyncRead for Frames {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.there == 0 {
                return Poll::Pending;
            }
            self.asked.push(buf.remaining());
            let count = buf.remaining().min(self.there);
            for at in self.read..self.read + count {
                buf.put_slice(&[byte_of(at)]);
            }
            self.read += count;
            self.there -= count;
            Poll::Ready(Ok(()))
        }
    }

    /// The byte at this place of all that is sent.
    fn byte_of(at: usize) -> u8 {
        (at % 251).to_le_bytes()[0]
    }

    struct Reading {
        io: Frames,
        input: Input,
        /// How many bytes were handled.
        handled: usize,
        /// The memory of each whole frame.
        frames: Vec<*const u8>,
    }

    impl Reading {
        fn of(len: usize) -> Self {
            let io = Frames {
                len,
                read: 0,
                there: 0,
                asked: Vec::new(),
            };
            Self {
                io,
                input: Input::default(),
                handled: 0,
                frames: Vec::new(),
            }
        }

        /// So many bytes come, and are read and handled as a connection does, which leaves a part of a frame in memory of
        /// the size of the frame.
        fn come(&mut self, bytes: usize) {
            self.io.there = bytes;
            let mut cx = Context::from_waker(Waker::noop());
            while let Poll::Ready(read) = self.input.poll_read(&mut cx, &mut self.io) {
                assert!(read.unwrap() > 0);
                let part = &self.input.bytes;
                if part.len() < self.io.len && part.capacity() >= self.io.len {
                    continue;
                }
                let mut came = self.input.bytes.split();
                while came.len() >= self.io.len {
                    let frame = came.split_to(self.io.len);
                    self.frames.push(frame.as_ptr());
                    for byte in &frame {
                        assert_eq!(*byte, byte_of(self.handled), "byte {}", self.handled);
                        self.handled += 1;
                    }
                }
                if !came.is_empty() {
                    self.input.bytes = BytesMut::with_capacity(self.io.len);
                    self.input.bytes.put_slice(&came);
                }
            }
            assert_eq!(self.handled + self.input.bytes.len(), self.io.read);
        }
    }

    #[test]
    fn parts_of_frames_are_followed_by_the_rest_whatever_comes_at_once() {
        for len in [
            1, 76, 1037, 8191, 8192, 20_000, 65_550, 262_144, 262_145, 1_000_000,
        ] {
            let mut reading = Reading::of(len);
            let mut came = 0;
            for bytes in [1, 75, 5000, 65_536, 65_537, 700_000, 3, 262_144, 1_500_000] {
                came += bytes;
                reading.come(bytes);
                assert_eq!(reading.frames.len(), came / len, "{len}");
            }
        }
    }

    #[test]
    fn frames_of_one_large_size_are_read_whole() {
        let len = 65_550;
        let mut reading = Reading::of(len);
        reading.come(100_000);
        let read = reading.io.asked.len();
        reading.come(2 * len - 100_000 + 9 * len);
        let asked = reading.io.asked.get(read..).unwrap();
        // The rest of the one that was there in part, then three at a time.
        assert_eq!(asked.first(), Some(&(2 * len - 100_000)));
        assert!(asked.get(1..).unwrap().iter().all(|size| *size == 3 * len));
        assert!(reading.input.bytes.is_empty());
    }

    #[test]
    fn of_a_frame_that_is_larger_than_a_read_little_is_copied() {
        let len = 1_000_000;
        let mut reading = Reading::of(len);
        reading.come(len + len / 2);
        reading.io.asked.clear();
        reading.come(3 * len);
        let rest = len - BEGINNING;
        let expected = [len / 2, BEGINNING, rest, BEGINNING, rest, BEGINNING];
        assert_eq!(reading.io.asked.get(..6), Some(&expected[..]));
    }

    #[test]
    fn after_a_frame_that_is_larger_than_a_read_small_ones_are_read_many_at_once() {
        let mut reading = Reading::of(1_000_000);
        reading.come(500_000);
        reading.come(500_000);
        // None of them is cut in two by where reads end.
        reading.io.len = 64;
        reading.io.asked.clear();
        reading.come(BEGINNING + 2 * READ_SIZE);
        assert_eq!(reading.io.asked, [BEGINNING, READ_SIZE, READ_SIZE]);
    }

    #[test]
    fn small_frames_that_fill_a_read_stay_where_they_were_read_to() {
        let len = 1037;
        let mut reading = Reading::of(len);
        reading.come(READ_SIZE);
        let (first, others) = reading.frames.split_first().unwrap();
        let mut expected = *first;
        for frame in others {
            expected = expected.wrapping_add(len);
            assert_eq!(*frame, expected);
        }
        let before = reading.frames.len();
        reading.come(READ_SIZE);
        // With the beginning that was there of the first of them.
        let first = *reading.frames.get(before).unwrap();
        let second = *reading.frames.get(before + 1).unwrap();
        assert_eq!(first.wrapping_add(len), second);
    }

    #[test]
    fn what_drips_in_stays_where_its_beginning_is() {
        let mut reading = Reading::of(5000);
        reading.come(1);
        let place = reading.input.bytes.as_ptr();
        for _ in 2..5000 {
            reading.come(1);
        }
        assert_eq!(reading.input.bytes.as_ptr(), place);
        reading.come(1);
        assert_eq!(reading.frames, [place]);
        assert_eq!(reading.io.asked.len(), 5000);
    }

    #[test]
    fn what_comes_little_is_kept_in_little_memory() {
        let mut reading = Reading::of(100);
        let mut cx = Context::from_waker(Waker::noop());
        reading.io.there = 30;
        let read = reading.input.poll_read(&mut cx, &mut reading.io);
        assert!(matches!(read, Poll::Ready(Ok(30))));
        assert_eq!(reading.input.bytes.capacity(), 30);
        let read = reading.input.poll_read(&mut cx, &mut reading.io);
        assert!(read.is_pending());
        assert_eq!(reading.input.bytes.len(), 30);
    }
}
