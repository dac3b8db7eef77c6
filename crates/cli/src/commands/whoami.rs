//! `tessera whoami`: the caller, the tenant, the permissions.

use serde_json::json;

use crate::Result;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Output};

/// Prints the access token of the caller, once it is known to be taken.
pub async fn token(client: &Client) -> Result<()> {
    client.current_user().await?;
    let token =
        client.token().await?.ok_or_else(|| Failure::new("you are not signed in").next("tessera login"))?;
    output::put(&format!("{token}\n"))
}

/// Tells who the caller is.
pub async fn run(client: &Client, output: Output) -> Result<()> {
    let me = client.current_user().await?;
    let (user, tenant) = (me.user.unwrap_or_default(), me.tenant.unwrap_or_default());
    let fields = [
        ("email", user.email),
        ("name", user.display_name),
        ("userId", user.id),
        ("tenant", tenant.slug),
        ("company", tenant.display_name),
        ("tenantId", tenant.id),
        ("currency", tenant.base_currency),
        ("permissions", me.permissions.join(" ")),
        ("address", client.address().to_owned()),
    ];
    let named = fields.map(|(name, value)| (name.to_owned(), json!(value)));
    output.fields_of(&named)
}
