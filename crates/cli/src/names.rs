//! Finds what a person means by a name of the contracts.

use std::collections::BTreeSet;

use contracts::POOL;
use prost_reflect::{EnumDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor};

use crate::Result;
use crate::failure::Failure;

/// Names closer than this are worth a suggestion.
const ALIKE: f64 = 0.72;

/// A thing of the contracts.
#[derive(Debug, Clone)]
pub enum Symbol {
    /// All services of a domain, such as `crm`.
    Domain(String),
    /// A service.
    Service(ServiceDescriptor),
    /// A method.
    Method(MethodDescriptor),
    /// A message.
    Message(MessageDescriptor),
    /// An enum.
    Enum(EnumDescriptor),
}

/// `erp.crm.v1.AccountService/ListAccounts`
pub fn full(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// `crm.ListAccounts`
pub fn short(method: &MethodDescriptor) -> String {
    format!("{}.{}", domain(method.parent_service().package_name()), method.name())
}

/// `crm` of `erp.crm.v1`
pub fn domain(package: &str) -> &str {
    package.trim_start_matches("erp.").split('.').next().unwrap_or(package)
}

/// Our services, not those of the libraries.
pub fn services() -> impl Iterator<Item = ServiceDescriptor> {
    POOL.services().filter(|service| service.package_name().starts_with("erp."))
}

fn methods() -> impl Iterator<Item = MethodDescriptor> {
    services().flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// The method that is meant: by its full name, or by as much of it as makes it clear.
pub fn method(name: &str) -> Result<MethodDescriptor> {
    let found: Vec<_> = methods().filter(|method| matches(name, &full(method))).collect();
    // The full name of one may be the short name of another.
    let exact = found.iter().find(|method| name.trim_start_matches('/') == full(method));
    match (exact, found.as_slice()) {
        (Some(method), _) | (None, [method]) => Ok(method.clone()),
        (None, []) => Err(unknown("method", name, methods().map(|method| short(&method)))),
        (None, several) => Err(ambiguous(name, several.iter().map(full))),
    }
}

/// The thing that is meant.
pub fn symbol(name: &str) -> Result<Symbol> {
    let mut found: Vec<(String, Symbol)> = Vec::new();
    if let Some(service) =
        services().find(|one| one.package_name() == name || domain(one.package_name()) == name)
    {
        return Ok(Symbol::Domain(service.package_name().to_owned()));
    }
    found.extend(
        services()
            .filter(|one| matches(name, one.full_name()))
            .map(|one| (one.full_name().to_owned(), Symbol::Service(one))),
    );
    found.extend(
        methods().filter(|one| matches(name, &full(one))).map(|one| (full(&one), Symbol::Method(one))),
    );
    let ours = |package: &str| package.starts_with("erp.") || name.starts_with("google.");
    found.extend(
        POOL.all_messages()
            .filter(|one| ours(one.package_name()) && !one.is_map_entry() && matches(name, one.full_name()))
            .map(|one| (one.full_name().to_owned(), Symbol::Message(one))),
    );
    found.extend(
        POOL.all_enums()
            .filter(|one| ours(one.package_name()) && matches(name, one.full_name()))
            .map(|one| (one.full_name().to_owned(), Symbol::Enum(one))),
    );
    // `crm.Account` is the message before it is the service AccountService.
    let last = |text: &str| text.rsplit(['.', '/']).next().map(plain).unwrap_or_default();
    let exact: Vec<_> = found.iter().filter(|(full, _)| last(full) == last(name)).collect();
    match (exact.as_slice(), found.as_slice()) {
        ([(_, symbol)], _) | ([], [(_, symbol)]) => Ok(symbol.clone()),
        ([], []) => Err(unknown("symbol", name, all_names())),
        ([], several) => Err(ambiguous(name, several.iter().map(|(full, _)| full.clone()))),
        (several, _) => Err(ambiguous(name, several.iter().map(|(full, _)| full.clone()))),
    }
}

fn all_names() -> impl Iterator<Item = String> {
    let ours = |package: &str| package.starts_with("erp.");
    let short = |package: &str, name: &str| format!("{}.{name}", domain(package));
    let mut names: Vec<String> = methods().map(|method| self::short(&method)).collect();
    names.extend(services().map(|one| short(one.package_name(), one.name())));
    names.extend(services().map(|one| domain(one.package_name()).to_owned()));
    let messages = POOL.all_messages().filter(|one| ours(one.package_name()) && !one.is_map_entry());
    names.extend(messages.map(|one| short(one.package_name(), one.name())));
    names.extend(
        POOL.all_enums()
            .filter(|one| ours(one.package_name()))
            .map(|one| short(one.package_name(), one.name())),
    );
    names.into_iter()
}

/// Whether `given` ends with the last word of `full` and holds the others in their order, if any.
fn matches(given: &str, full: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(['.', '/']).filter(|word| !word.is_empty()).map(plain).collect()
    };
    let (given, full) = (words(given), words(full));
    let (Some((given_last, given_rest)), Some((full_last, full_rest))) =
        (given.split_last(), full.split_last())
    else {
        return false;
    };
    if !same(given_last, full_last) {
        return false;
    }
    let mut remaining = full_rest.iter();
    given_rest.iter().all(|word| remaining.any(|other| same(word, other)))
}

/// A service may be named without `Service`.
fn same(given: &str, word: &str) -> bool {
    given == word || word.strip_suffix("service").is_some_and(|noun| noun == given && !noun.is_empty())
}

fn plain(word: &str) -> String {
    word.chars().filter(|one| !matches!(one, '-' | '_')).flat_map(char::to_lowercase).collect()
}

fn unknown(kind: &str, name: &str, known: impl Iterator<Item = String>) -> Failure {
    let mut failure = Failure::usage(format!("there is no {kind} `{name}`"));
    let alike = suggestions(name, known);
    if !alike.is_empty() {
        failure = failure.line(format!("did you mean {}?", alike.join(", ")));
    }
    failure.next("tessera describe    (everything there is)")
}

fn ambiguous(name: &str, meant: impl Iterator<Item = String>) -> Failure {
    let meant: BTreeSet<String> = meant.collect();
    let mut failure = Failure::usage(format!("`{name}` may mean one of {}", meant.len()));
    for one in &meant {
        failure = failure.line(one.clone());
    }
    match meant.first() {
        Some(first) => failure.next(format!("name it as `{first}`")),
        None => failure,
    }
}

/// The three names that are most like the one given.
fn suggestions(name: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let last = |text: &str| text.rsplit(['.', '/']).next().map(plain).unwrap_or_default();
    let (given, given_last) = (plain(name), last(name));
    let likeness = |known: &str| {
        let whole = strsim::normalized_damerau_levenshtein(&given, &plain(known));
        let word = strsim::normalized_damerau_levenshtein(&given_last, &last(known));
        whole.max(word)
    };
    let mut alike: Vec<(f64, String)> =
        known.map(|name| (likeness(&name), name)).filter(|(likeness, _)| *likeness >= ALIKE).collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    alike.dedup_by(|a, b| a.1 == b.1);
    alike.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_of_a_name_as_makes_it_clear_is_enough() {
        // People type these by hand, many times a day.
        let wanted = "erp.crm.v1.AccountService/ListAccounts";
        for name in [
            wanted,
            "/erp.crm.v1.AccountService/ListAccounts",
            "erp.crm.v1.AccountService.ListAccounts",
            "crm.AccountService.ListAccounts",
            "crm.account.list-accounts",
            "crm.ListAccounts",
            "crm.list_accounts",
            "ListAccounts",
        ] {
            assert_eq!(full(&method(name).unwrap()), wanted, "{name}");
        }
    }

    #[test]
    fn a_typo_gets_suggestions() {
        // The name that was meant must be among them.
        let failure = method("crm.ListAcounts").unwrap_err();
        assert_eq!(failure.exit(), crate::failure::USAGE);
        assert_eq!(suggestions("crm.ListAcounts", methods().map(|one| short(&one)))[0], "crm.ListAccounts");
        assert!(suggestions("xyzzy", methods().map(|one| short(&one))).is_empty());
    }

    #[test]
    fn a_name_of_several_things_is_refused() {
        // Guessing would call the wrong one.
        assert!(matches("Account", "erp.crm.v1.Account"));
        assert!(!matches("finance.ListAccounts", "erp.crm.v1.AccountService/ListAccounts"));
    }

    #[test]
    fn symbols_of_every_kind_are_found() {
        // `describe` takes what errors and answers print.
        assert!(matches!(symbol("crm").unwrap(), Symbol::Domain(package) if package == "erp.crm.v1"));
        assert!(matches!(symbol("crm.Account").unwrap(), Symbol::Message(one) if one.name() == "Account"));
        assert!(matches!(symbol("AccountService").unwrap(), Symbol::Service(_)));
        assert!(matches!(symbol("orders.PlaceOrder").unwrap(), Symbol::Method(_)));
        assert!(matches!(symbol("OrderState").unwrap(), Symbol::Enum(_)));
        assert!(matches!(symbol("google.type.Money").unwrap(), Symbol::Message(_)));
    }
}
