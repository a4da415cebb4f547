#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hookswitch_fuzz::sip::dialog_info(bytes);
});
