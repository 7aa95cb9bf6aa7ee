use std::convert::Infallible;

use bytes::{BufMut, BytesMut};
use minicbor::encode::Write;

/// Lets minicbor write to a `BytesMut`.
pub(crate) struct Buffer<'a>(pub(crate) &'a mut BytesMut);

impl Write for Buffer<'_> {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.put_slice(bytes);
        Ok(())
    }
}
