#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hookswitch_fuzz::sip::message(bytes));
