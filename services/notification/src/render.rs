//! Fills templates: strict, bounded, and safe in HTML. No I/O.

use std::io;

use contracts::notification::v1::NotificationReason;
use kit::{Error, Result};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use prost_types::value::Kind;
use serde_json::{Map, Number, Value};

/// How many steps filling a template may take.
const FUEL: u64 = 200_000;
/// How many bytes it may make.
const OUTPUT_MAX: usize = 1 << 20;
/// The part that escapes what is filled in.
const HTML: &str = "body_html";

/// The parts of a message, as templates or filled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    pub subject: String,
    pub body_text: String,
    pub body_html: String,
}

impl Text {
    /// Fills all parts; NOTIFICATION_REASON_TEMPLATE_BROKEN tells part, line and cause.
    pub fn fill(&self, data: &Value) -> Result<Self> {
        let data = minijinja::Value::from(Serde(data));
        let environment = environment();
        let part = |name, source| fill(&environment, name, source, &data);
        Ok(Self {
            subject: crate::outlet::one_line(&part("subject", &self.subject)?),
            body_text: part("body_text", &self.body_text)?,
            body_html: part(HTML, &self.body_html)?,
        })
    }

    /// Whether all parts can be read; what they are filled with shows itself later.
    pub fn check(&self) -> Result<()> {
        let environment = environment();
        for (name, source) in
            [("subject", &self.subject), ("body_text", &self.body_text), (HTML, &self.body_html)]
        {
            environment.template_from_named_str(name, source).map_err(|error| broken(name, &error))?;
        }
        Ok(())
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
        .set_auto_escape_callback(|name| if name == HTML { AutoEscape::Html } else { AutoEscape::None });
    environment.set_fuel(Some(FUEL));
    environment
}

fn fill(environment: &Environment<'_>, name: &str, source: &str, data: &minijinja::Value) -> Result<String> {
    let mut output = Bounded(Vec::new());
    let template = environment.template_from_named_str(name, source).map_err(|error| broken(name, &error))?;
    template.render_captured_to(data.clone(), &mut output).map_err(|error| broken(name, &error))?;
    String::from_utf8(output.0).map_err(Error::internal)
}

fn broken(part: &str, error: &minijinja::Error) -> Error {
    let line = error.line().unwrap_or(1);
    let cause = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    Error::from(NotificationReason::TemplateBroken)
        .message(format!("{part}, line {line}: {cause}"))
        .with("part", part)
        .with("line", line)
}

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_MAX {
            return Err(io::Error::other("the message is longer than 1 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The data of a request. Whole numbers show without a fraction.
pub fn data(fields: Option<prost_types::Struct>) -> Value {
    Value::Object(fields.map(|fields| object(fields.fields)).unwrap_or_default())
}

fn object(fields: impl IntoIterator<Item = (String, prost_types::Value)>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name, plain(value))).collect()
}

fn plain(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(truth)) => Value::Bool(truth),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(plain).collect()),
        Some(Kind::StructValue(fields)) => Value::Object(object(fields.fields)),
        Some(Kind::NumberValue(number)) => {
            // Beyond this a double no longer tells whole numbers apart.
            let whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
            let text =
                if whole { format!("{number:.0}").parse::<i64>().ok().map(Number::from) } else { None };
            text.or_else(|| Number::from_f64(number)).map_or(Value::Null, Value::Number)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(subject: &str, body_text: &str, body_html: &str) -> Text {
        Text { subject: subject.to_owned(), body_text: body_text.to_owned(), body_html: body_html.to_owned() }
    }

    #[test]
    fn only_html_is_escaped() {
        // What a customer wrote must not become markup, and must stay as it is in plain text.
        let filled = text("{{ a }}", "{{ a }}", "<b>{{ a }}</b>").fill(&json!({"a": "<i>&Co"})).unwrap();
        assert_eq!(filled, text("<i>&Co", "<i>&Co", "<b>&lt;i&gt;&amp;Co</b>"));
    }

    #[test]
    fn what_is_missing_is_named() {
        // A placeholder without a value must stop the message and tell where it is.
        let error = text("x", "line\n{{ order.nummer }}", "").fill(&json!({"order": {}})).unwrap_err();
        assert!(error.is(NotificationReason::TemplateBroken));
        assert!(error.text().starts_with("body_text, line 2: undefined value"), "{}", error.text());
        let error = text("{{ x", "", "").check().unwrap_err();
        assert!(error.text().starts_with("subject, line 1: syntax error"), "{}", error.text());
    }

    #[test]
    fn work_and_length_are_bounded() {
        // A template must not keep a core busy or fill the memory.
        let loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
        assert!(text(loops, "", "").fill(&json!({})).is_err());
        let long = "{% for a in range(9999) %}{{ x }}{% endfor %}";
        let error = text("", long, "").fill(&json!({"x": "y".repeat(1_000)})).unwrap_err();
        assert!(error.is(NotificationReason::TemplateBroken));
    }

    #[test]
    fn a_subject_is_one_line() {
        // A value with a line end must not end the subject.
        let filled = text("Order {{ n }}", "", "").fill(&json!({"n": "1\r\nBcc: x@y.example"})).unwrap();
        assert_eq!(filled.subject, "Order 1 Bcc: x@y.example");
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        // 3 comes as a double and must not print as 3.0.
        let number = |value| plain(prost_types::Value { kind: Some(Kind::NumberValue(value)) }).to_string();
        assert_eq!([number(3.0), number(-2.5), number(f64::NAN)], ["3", "-2.5", "null"]);
    }
}
