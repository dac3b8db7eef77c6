//! What identity tells of the tenant, kept for the messages that go out in its name.

use contracts::identity::v1::{TenantCreated, TenantUpdated};
use kit::Result;
use store::Cx;

/// The company in whose name messages go.
#[derive(Debug, Default, Clone)]
pub struct Company {
    /// Empty while its news has not come.
    pub name: String,
    /// Empty: English.
    pub locale: String,
}

/// A new tenant. Its first change may have come before this.
pub async fn tenant_created(cx: &mut Cx, event: TenantCreated) -> Result<()> {
    let query =
        sqlx::query("insert into companies (display_name, locale) values ($1, '') on conflict do nothing");
    cx.execute(query.bind(event.display_name)).await.map(|_| ())
}

/// It has another name or language.
pub async fn tenant_updated(cx: &mut Cx, event: TenantUpdated) -> Result<()> {
    let query = sqlx::query(
        "insert into companies (display_name, locale) values ($1, $2)
         on conflict (tenant_id) do update set display_name = excluded.display_name, locale = excluded.locale",
    );
    cx.execute(query.bind(event.display_name).bind(event.locale)).await.map(|_| ())
}

/// The company of the call's tenant.
pub async fn current(cx: &mut Cx) -> Result<Company> {
    let found =
        cx.row(sqlx::query_as::<_, (String, String)>("select display_name, locale from companies")).await?;
    Ok(found.map(|(name, locale)| Company { name, locale }).unwrap_or_default())
}
