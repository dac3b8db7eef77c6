//! The catalogue: products with their list prices, sorted into a tree of categories.

mod categories;
mod prices;
mod products;

use contracts::catalog::v1::{CategoryRpc, ProductRpc};

/// The service.
pub fn service() -> host::Service {
    host::Service::new("catalog", sqlx::migrate!())
        .rpc(CategoryRpc(categories::Categories))
        .rpc(ProductRpc(products::Products))
}
