//! One's own tenant.

use contracts::identity::v1::{Tenant, TenantApi, TenantUpdated, UpdateTenantRequest};
use kit::{Error, Result};
use store::Cx;

/// Answers `TenantService`.
pub struct Tenants;

impl TenantApi for Tenants {
    async fn update_tenant(&self, cx: &mut Cx, request: UpdateTenantRequest) -> Result<Tenant> {
        let patch = request.tenant.ok_or_else(|| Error::invalid("tenant", "is required"))?;
        let before: Tenant = cx.lock(&patch.id).await?;
        let after = cx.update(patch, request.update_mask.as_ref(), "tenant").await?;
        if after.etag != before.etag {
            cx.emit(TenantUpdated {
                tenant_id: after.id.clone(),
                display_name: after.display_name.clone(),
                locale: after.locale.clone(),
                time_zone: after.time_zone.clone(),
            })?;
        }
        Ok(after)
    }
}
