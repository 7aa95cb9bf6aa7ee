//! A freestanding library around `korinet-wire`. That it links is the proof: with `std` in the graph there
//! would be a second panic handler, with `alloc` an allocator would be missing.

#![no_std]

use core::panic::PanicInfo;

use korinet_wire::v2::{self, Decoded, Limits};

/// Reads a frame and writes it again, so that both ways of the wire are in the library.
///
/// Answers the length of the frame, or 0 if there is no whole one.
#[expect(
    unsafe_code,
    reason = "without a name for the linker nothing would be linked"
)]
#[unsafe(no_mangle)]
pub extern "C" fn korinet_no_std_proof(input: &[u8; 512], output: &mut [u8; 512]) -> usize {
    let limits = Limits::default();
    let Ok(Decoded::Complete { frame, .. }) = v2::decode(input, &limits) else {
        return 0;
    };
    match frame.encode(&limits, &mut output[..]) {
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
