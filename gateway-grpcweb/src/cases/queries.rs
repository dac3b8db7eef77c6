//! Query parameters.

use std::borrow::Cow;

use serde_json::Value;

use super::{Report, list, load, message, pairs, plans, show};
use crate::codec::plan::Plans;
use crate::codec::{Encoder, JsonOptions};
use crate::query::{self, Bound};
use crate::snapshot::resolve;

#[test]
fn query_params() {
    let Some(file) = load("query_params.json") else { return };
    let plans = plans(&file);
    Report::new("cases").run(&file, "id", |case| bind(&plans, case)).settle();
}

fn bind(plans: &Plans, case: &Value) -> Result<(), String> {
    let id = message(plans, case)?;
    let filter =
        list(case, "filter").iter().map(|path| resolve(plans, id, path.as_str().unwrap().split('.'), false));
    let filter = filter.collect::<Result<Vec<_>, _>>()?;
    let filter: Vec<_> = filter.iter().collect();
    let query: Vec<_> = pairs(case, "query")
        .into_iter()
        .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
        .collect();
    let mut encoder = Encoder::new(plans, Vec::new());
    let bound = query::bind(&mut encoder, id, &query, &filter, Bound::Ignore);
    match (bound, case["error"].is_string()) {
        (Err(_), true) => return Ok(()),
        (Err(error), false) => return Err(error.to_string()),
        (Ok(()), true) => return Err("was not refused".to_owned()),
        (Ok(()), false) => {}
    }
    let shown = show(plans, id, &encoder.out, JsonOptions::default())?;
    if same(&shown, &case["expect_json"]) {
        Ok(())
    } else {
        Err(format!("gave {shown}, expected {}", case["expect_json"]))
    }
}

/// Equality of JSON where 1 and 1.0 are the same number.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64() == b.as_f64() || a.as_f64().map(|one| one as f32) == b.as_f64().map(|one| one as f32)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
