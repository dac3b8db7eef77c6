#![no_main]

#[path = "../jwt.rs"]
mod jwt;

libfuzzer_sys::fuzz_target!(|data: &[u8]| jwt::jwt(data));
