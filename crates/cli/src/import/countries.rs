//! Countries by the names that older systems write.

/// Names and ISO 3166 codes; the names of Northwind and those of its neighbours.
const COUNTRIES: &[(&str, &str)] = &[
    ("argentina", "AR"),
    ("australia", "AU"),
    ("austria", "AT"),
    ("belgium", "BE"),
    ("brazil", "BR"),
    ("bulgaria", "BG"),
    ("canada", "CA"),
    ("chile", "CL"),
    ("china", "CN"),
    ("colombia", "CO"),
    ("croatia", "HR"),
    ("czech republic", "CZ"),
    ("czechia", "CZ"),
    ("denmark", "DK"),
    ("estonia", "EE"),
    ("finland", "FI"),
    ("france", "FR"),
    ("germany", "DE"),
    ("great britain", "GB"),
    ("greece", "GR"),
    ("hungary", "HU"),
    ("iceland", "IS"),
    ("india", "IN"),
    ("ireland", "IE"),
    ("israel", "IL"),
    ("italy", "IT"),
    ("japan", "JP"),
    ("latvia", "LV"),
    ("lithuania", "LT"),
    ("luxembourg", "LU"),
    ("mexico", "MX"),
    ("netherlands", "NL"),
    ("new zealand", "NZ"),
    ("norway", "NO"),
    ("peru", "PE"),
    ("poland", "PL"),
    ("portugal", "PT"),
    ("romania", "RO"),
    ("singapore", "SG"),
    ("slovakia", "SK"),
    ("slovenia", "SI"),
    ("south africa", "ZA"),
    ("south korea", "KR"),
    ("spain", "ES"),
    ("sweden", "SE"),
    ("switzerland", "CH"),
    ("turkey", "TR"),
    ("uk", "GB"),
    ("ukraine", "UA"),
    ("united kingdom", "GB"),
    ("united states", "US"),
    ("uruguay", "UY"),
    ("usa", "US"),
    ("venezuela", "VE"),
];

/// The ISO 3166 code of a country's name, or of its code.
pub fn code(name: &str) -> Option<String> {
    if name.len() == 2 && name.chars().all(|letter| letter.is_ascii_uppercase()) && name != "UK" {
        return Some(name.to_owned());
    }
    let name = name.to_lowercase();
    COUNTRIES.iter().find(|(known, _)| *known == name).map(|(_, code)| (*code).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_read() {
        // `UK` looks like a code and is none.
        assert_eq!(code("Germany").as_deref(), Some("DE"));
        assert_eq!(code("UK").as_deref(), Some("GB"));
        assert_eq!(code("CH").as_deref(), Some("CH"));
        assert_eq!(code("Atlantis"), None);
    }
}
