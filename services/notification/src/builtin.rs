//! Templates that every tenant has until it writes its own of the same key.

use crate::render::Text;

/// Confirms an order to its customer.
pub const ORDER_CONFIRMATION: &str = "order_confirmation";

/// Key, language and parts.
const TEMPLATES: [(&str, &str, &str, &str, &str); 2] = [
    (
        ORDER_CONFIRMATION,
        "en",
        "Your order {{ order_number }}{% if company %} at {{ company }}{% endif %}",
        include_str!("builtin/order_confirmation.en.txt"),
        include_str!("builtin/order_confirmation.en.html"),
    ),
    (
        ORDER_CONFIRMATION,
        "de",
        "Ihre Bestellung {{ order_number }}{% if company %} bei {{ company }}{% endif %}",
        include_str!("builtin/order_confirmation.de.txt"),
        include_str!("builtin/order_confirmation.de.html"),
    ),
];

/// The first of these languages in which there is a template of the key, with its text.
pub fn find(key: &str, locales: &[String]) -> Option<(String, Text)> {
    locales.iter().find_map(|locale| {
        let (_, locale, subject, body_text, body_html) =
            TEMPLATES.into_iter().find(|template| template.0 == key && template.1 == locale)?;
        let text = Text {
            subject: subject.to_owned(),
            body_text: body_text.to_owned(),
            body_html: body_html.to_owned(),
        };
        Some((locale.to_owned(), text))
    })
}
