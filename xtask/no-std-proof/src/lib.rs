//! A freestanding library around `korinet-wire`. That it links is the proof: with `std` in the graph there
//! would be a second panic handler, with `alloc` an allocator would be missing.

#![no_std]

use core::panic::PanicInfo;

use korinet_wire::{v2, v3};

/// An example of the crate, which says of itself that it needs neither.
#[path = "../../../crates/korinet-wire/examples/sensor/device.rs"]
mod device;

/// Writes a report of the example's device and has it take what came; so that all of it is in the library, too.
///
/// Answers the length of the report, or 0 if what came is no frame.
#[expect(
    unsafe_code,
    reason = "without a name for the linker nothing would be linked"
)]
#[unsafe(no_mangle)]
pub extern "C" fn korinet_no_std_proof_device(input: &[u8; 128], output: &mut [u8; 128]) -> usize {
    let mut link = device::Link::new();
    let id = v2::MessageId::from_bytes([7; 16]);
    let Some(len) = link.report(&id, "roof", 21.5, output) else {
        return 0;
    };
    let all_taken = input.iter().all(|byte| link.receive(*byte).is_ok());
    if all_taken { len } else { 0 }
}

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
