//! Customers and suppliers: companies with a person and an address.

use contracts::crm::v1::{Account, AccountType, Contact};
use contracts::google::r#type::PostalAddress;

use crate::import::countries;
use crate::import::sheet::Cells;
use crate::load::NewAccount;

/// The code of the account of a supplier.
pub fn vendor_code(id: &str) -> String {
    format!("VENDOR-{id}")
}

/// A customer or supplier with the person there.
pub fn account(cells: &Cells<'_>, code: String, kind: AccountType) -> Result<NewAccount, String> {
    cells.required("company_name")?;
    let name = cells.text("contact_name");
    // The last word is the family name; one who has a single name has it as given name.
    let (given, family) = name.rsplit_once(' ').unwrap_or((name, ""));
    let contact = Contact {
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        job_title: cells.at_most("contact_title", 100)?,
        phone: cells.at_most("phone", 40)?,
        ..Contact::default()
    };
    let account = Account {
        display_name: cells.at_most("company_name", 200)?,
        code: Some(code),
        phone: cells.at_most("phone", 40)?,
        billing_address: address(cells, "")?,
        ..Account::default()
    };
    let account = Account { r#type: kind.into(), ..account };
    Ok(NewAccount { account, contacts: if name.is_empty() { Vec::new() } else { vec![contact] } })
}

/// The address in the columns that begin with `prefix`; none without a country.
pub fn address(cells: &Cells<'_>, prefix: &str) -> Result<Option<PostalAddress>, String> {
    let text = |name: &str| cells.text(&format!("{prefix}{name}")).to_owned();
    let country = text("country");
    if country.is_empty() {
        return Ok(None);
    }
    let region_code = countries::code(&country).ok_or_else(|| {
        format!("{prefix}country is `{country}`, which is no known country or ISO 3166 code")
    })?;
    Ok(Some(PostalAddress {
        region_code,
        postal_code: text("postal_code"),
        administrative_area: text("region"),
        locality: text("city"),
        address_lines: text("address").lines().map(|line| line.trim().to_owned()).collect(),
        organization: text("name"),
        ..PostalAddress::default()
    }))
}
