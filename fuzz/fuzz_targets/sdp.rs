#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hookswitch_fuzz::media::description(bytes);
});
