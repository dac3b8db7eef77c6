//! The chart of accounts over the API. What is standard is the engine's.

use contracts::finance::v1::{InstallChartRequest, InstallChartResponse, LedgerAccountApi};
use kit::Result;
use store::Cx;

use crate::chart;

/// Ledger accounts.
#[derive(Debug)]
pub struct LedgerAccounts;

impl LedgerAccountApi for LedgerAccounts {
    async fn install_chart(&self, cx: &mut Cx, _: InstallChartRequest) -> Result<InstallChartResponse> {
        Ok(InstallChartResponse { added_count: chart::install(cx).await? })
    }
}
