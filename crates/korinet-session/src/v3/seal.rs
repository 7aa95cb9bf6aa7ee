use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_wire::v3::{self as wire, Code, Digest, How, MAX_TEXT, PREFACE, Proof, Seq, clipped};

/// The minor version of protocol v3 that is spoken here.
pub(super) const MINOR: u16 = 0;

/// The preface and the first frame of one side, with the proof of its map where it has a prover.
///
/// # Errors
///
/// What is wrong with the frame's texts.
pub(super) fn seal<'a>(
    frame: impl Fn(Option<Proof>) -> wire::Frame<'a>,
    prove: Option<impl FnOnce(&[u8]) -> Proof>,
) -> Result<(Bytes, Option<Proof>), String> {
    let proof = match prove {
        None => None,
        Some(prove) => {
            // The map, which is what the proof covers, is the same with any proof behind it.
            let draft = encoded(&frame(Some(Proof::from_bytes([0; 32]))))?;
            let body = draft.get(wire::PREFIX_LEN..).unwrap_or_default();
            wire::signed_part(body).map(prove)
        }
    };
    let mut bytes = BytesMut::from(&PREFACE[..]);
    bytes.extend_from_slice(&encoded(&frame(proof))?);
    Ok((bytes.freeze(), proof))
}

fn encoded(frame: &wire::Frame<'_>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(frame.encoded_len());
    match frame.encode(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(error.to_string()),
    }
}

/// A CLOSE of the connection, not of the session.
pub(super) fn close_frame(code: Code, text: &str, next: Seq, digest: Option<Digest>) -> Bytes {
    let mut out = Transmit::new();
    out.put_frame(&wire::Frame::Close(wire::Close {
        code,
        text: clipped(text, MAX_TEXT),
        how: How::Detach,
        next,
        digest,
    }));
    out.into_bytes()
}
