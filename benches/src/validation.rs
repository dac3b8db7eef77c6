//! What it costs to check a request against its contract.

use std::hint::black_box;
use std::time::Instant;

use contracts::crm::v1::{Contact, CreateContactRequest};
use kit::IdSource as _;
use store::Validate as _;

use crate::load::line;

/// How many requests are checked.
const COUNT: u32 = 1_000_000;

/// Checks a typical create over and over.
pub fn typical_create() {
    let request = CreateContactRequest {
        contact: Some(Contact {
            account_id: Some(kit::UuidV7.new_id().to_string()),
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
            email: Some("ada.lovelace@example.com".to_owned()),
            job_title: "Analyst".to_owned(),
            ..Contact::default()
        }),
        request_id: kit::UuidV7.new_id().to_string(),
    };
    let begun = Instant::now();
    for _ in 0..COUNT {
        let mut violations = Vec::new();
        black_box(&request).validate("", &mut violations);
        assert!(violations.is_empty(), "the request is a good one");
    }
    let nanos = begun.elapsed().as_nanos() / u128::from(COUNT);
    line("check a create against its contract", &format!("{nanos} ns"), "2000 ns", "lower is better");
}
