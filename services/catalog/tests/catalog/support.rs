//! What the tests of the catalogue share.

use contracts::catalog::v1::category_service_client::CategoryServiceClient;
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{Category, CreateCategoryRequest, CreateProductRequest, Product};
use contracts::google::r#type::Money;
use kit::Error;
use testkit::Transport;

pub type Categories = CategoryServiceClient<Transport>;
pub type Products = ProductServiceClient<Transport>;

pub fn money(units: i64, nanos: i32, code: &str) -> Option<Money> {
    Some(Money { currency_code: code.to_owned(), units, nanos })
}

pub fn category(slug: &str, parent: Option<&Category>) -> Category {
    let parent_id = parent.map(|parent| parent.id.clone());
    Category { name: slug.to_owned(), slug: slug.to_owned(), parent_id, ..Category::default() }
}

pub async fn create_category(client: &mut Categories, category: Category) -> Result<Category, Error> {
    let request = CreateCategoryRequest { category: Some(category), request_id: testkit::request_id() };
    Ok(client.create_category(request).await?.into_inner())
}

pub fn product(sku: &str) -> Product {
    Product {
        sku: sku.to_owned(),
        name: format!("Product {sku}"),
        unit: "piece".to_owned(),
        price: money(12, 500_000_000, "EUR"),
        ..Product::default()
    }
}

pub async fn create_product(client: &mut Products, product: Product) -> Result<Product, Error> {
    let request = CreateProductRequest { product: Some(product), request_id: testkit::request_id() };
    Ok(client.create_product(request).await?.into_inner())
}
