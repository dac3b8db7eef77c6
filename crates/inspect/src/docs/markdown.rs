//! Text that Markdown shows as it is meant.

use prost_reflect::{EnumDescriptor, MessageDescriptor};

use super::domain;
use crate::tree;

/// A comment in one line, fit for a cell of a table.
pub fn line(comment: &str) -> String {
    let words = comment.split_whitespace().collect::<Vec<_>>().join(" ");
    // Outside of code, angle brackets would be taken for HTML.
    let mut text = String::new();
    let mut code = false;
    for letter in words.chars() {
        match letter {
            '`' => {
                code = !code;
                text.push(letter);
            }
            '|' => text.push_str("\\|"),
            '<' if !code => text.push_str("&lt;"),
            _ => text.push(letter),
        }
    }
    text
}

/// Text as code, fit for a cell of a table; nothing for nothing.
pub fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) }
}

/// A row of a table.
pub fn row<const N: usize>(cells: [String; N]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table.
pub fn head<const N: usize>(names: [&str; N]) -> String {
    row(names.map(str::to_owned)) + &row([(); N].map(|()| "---".to_owned()))
}

/// What a message is called on its page: `Order`, or `Order.Line` for a nested one.
pub fn title(message: &MessageDescriptor) -> String {
    local(message.full_name(), message.package_name())
}

/// A link to a message, from the page of a domain.
pub fn message_link(message: &MessageDescriptor, page: &str) -> String {
    link(message.full_name(), message.package_name(), page)
}

/// A link to an enum, from the page of a domain.
pub fn enum_link(declared: &EnumDescriptor, page: &str) -> String {
    link(declared.full_name(), declared.package_name(), page)
}

/// What an enum is called on its page.
pub fn enum_title(declared: &EnumDescriptor) -> String {
    local(declared.full_name(), declared.package_name())
}

fn local(full_name: &str, package: &str) -> String {
    full_name.strip_prefix(package).unwrap_or(full_name).trim_start_matches('.').to_owned()
}

fn link(full_name: &str, package: &str, page: &str) -> String {
    if package != "erp" && !package.starts_with("erp.") {
        return code(full_name);
    }
    let (title, target) = (local(full_name, package), tree::domain(package));
    let file = if target == page { String::new() } else { domain::file(target) };
    format!("[{title}]({file}#{})", title.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_a_table() {
        // A bar or a bracket in a comment would tear the row.
        assert_eq!(
            line("A user's\n UUID or `service:<name>`, a|b, <c>."),
            "A user's UUID or `service:<name>`, a\\|b, &lt;c>."
        );
        assert_eq!(code("^(a|b)$"), "`^(a\\|b)$`");
        assert_eq!(head(["a", "b"]), "| a | b |\n| --- | --- |\n");
    }
}
