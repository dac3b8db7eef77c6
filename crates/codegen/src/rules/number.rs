//! Rules of numbers and durations.

use proc_macro2::{Literal, TokenStream};
use prost_reflect::{Kind, Value};
use quote::quote;

/// The check of one rule; `None` when it is not known.
pub(super) fn check(kind: &Kind, rule: &str, set: &Value, id: &str) -> Option<TokenStream> {
    let real = matches!(kind, Kind::Double | Kind::Float);
    if rule == "finite" && real {
        let wanted = set.as_bool() == Some(true);
        let check = quote!(if !value.is_finite() { at.breaks(#id, "must be finite", violations); });
        return Some(if wanted { check } else { TokenStream::new() });
    }
    if let Value::List(list) = set {
        let numbers = list.iter().map(literal).collect::<Option<Vec<_>>>()?;
        let words = list.iter().map(word).collect::<Vec<_>>().join(", ");
        return match rule {
            "in" => {
                let text = format!("must be one of {words}");
                Some(quote!(if ![#(#numbers),*].contains(&value) { at.breaks(#id, #text, violations); }))
            }
            "not_in" => {
                let text = format!("must be none of {words}");
                Some(quote!(if [#(#numbers),*].contains(&value) { at.breaks(#id, #text, violations); }))
            }
            _ => None,
        };
    }
    let (number, word) = (literal(set)?, word(set));
    let (wrong, text) = match rule {
        "const" => (quote!(value != #number), format!("must be {word}")),
        "gt" => (quote!(value <= #number), format!("must be more than {word}")),
        "gte" => (quote!(value < #number), format!("must be at least {word}")),
        "lt" => (quote!(value >= #number), format!("must be less than {word}")),
        "lte" => (quote!(value > #number), format!("must be at most {word}")),
        _ => return None,
    };
    // No comparison with NaN holds, so that it would pass every bound.
    let wrong = if real { quote!(value.is_nan() || #wrong) } else { wrong };
    Some(quote!(if #wrong { at.breaks(#id, #text, violations); }))
}

fn literal(value: &Value) -> Option<Literal> {
    Some(match value {
        Value::I32(number) => Literal::i32_unsuffixed(*number),
        Value::I64(number) => Literal::i64_unsuffixed(*number),
        Value::U32(number) => Literal::u32_unsuffixed(*number),
        Value::U64(number) => Literal::u64_unsuffixed(*number),
        Value::F32(number) if number.is_finite() => Literal::f32_unsuffixed(*number),
        Value::F64(number) if number.is_finite() => Literal::f64_unsuffixed(*number),
        _ => return None,
    })
}

fn word(value: &Value) -> String {
    literal(value).map(|literal| literal.to_string().trim_end_matches(".0").to_owned()).unwrap_or_default()
}

/// The check of one rule of a duration, whose bounds are whole seconds.
pub(super) fn duration(rule: &str, set: &Value, id: &str) -> Option<TokenStream> {
    let bound = set.as_message()?;
    let part = |name: &str| bound.get_field_by_name(name).map(|value| value.into_owned());
    let seconds = part("seconds")?.as_i64()?;
    if part("nanos")?.as_i32()? != 0 {
        return None;
    }
    let literal = Literal::i64_unsuffixed(seconds);
    let limit = quote!((#literal, 0));
    let (wrong, text) = match rule {
        "gt" => (quote!(length <= #limit), format!("must be longer than {seconds} seconds")),
        "gte" => (quote!(length < #limit), format!("must be at least {seconds} seconds")),
        "lt" => (quote!(length >= #limit), format!("must be shorter than {seconds} seconds")),
        "lte" => (quote!(length > #limit), format!("must be at most {seconds} seconds")),
        _ => return None,
    };
    Some(quote! {
        let length = (value.seconds, value.nanos);
        if #wrong { at.breaks(#id, #text, violations); }
    })
}
