//! A freestanding library around `korinet-wire`. That it links is the proof: with `std` in the graph there
//! would be a second panic handler, with `alloc` an allocator would be missing.

#![no_std]

use core::panic::PanicInfo;

use korinet_wire::{v2, v3};

/// Reads a frame and writes it again, in v3 after a preface and otherwise in v2, so that all ways of the wire are in
/// the library.
///
/// Answers the length of the frame, or 0 if there is no whole one.
#[expect(
    unsafe_code,
    reason = "without a name for the linker nothing would be linked"
)]
#[unsafe(no_mangle)]
pub extern "C" fn korinet_no_std_proof(input: &[u8; 512], output: &mut [u8; 512]) -> usize {
    match input.strip_prefix(&v3::PREFACE) {
        Some(input) => again_v3(input, output),
        None => again_v2(input, output),
    }
}

fn again_v2(input: &[u8], output: &mut [u8]) -> usize {
    let limits = v2::Limits::default();
    let Ok(v2::Decoded::Complete { frame, .. }) = v2::decode(input, &limits) else {
        return 0;
    };
    match frame.encode(&limits, output) {
        Ok(()) => frame.encoded_len(),
        Err(_) => 0,
    }
}

fn again_v3(input: &[u8], output: &mut [u8]) -> usize {
    let Ok(v3::Decoded::Complete { frame, .. }) = v3::decode(input, v3::MAX_HANDSHAKE_FRAME) else {
        return 0;
    };
    match frame.encode(output) {
        Ok(()) => frame.encoded_len(),
        Err(_) => 0,
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
