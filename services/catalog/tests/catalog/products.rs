use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{
    ActivateProductRequest, CatalogReason, DeactivateProductRequest, DeleteProductRequest, Product,
    ResolvePricesLine, ResolvePricesRequest, ResolvePricesResponse, UpdateProductRequest,
};
use contracts::google::r#type::{Decimal, Money};
use kit::{Code, Error};
use prost_types::FieldMask;
use testkit::Mesh;

use crate::support::{Products, create_product, money, product};

async fn update(client: &mut Products, product: Product, paths: &[&str]) -> Result<Product, Error> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let request = UpdateProductRequest { product: Some(product), update_mask, ..Default::default() };
    Ok(client.update_product(request).await?.into_inner())
}

async fn resolve(
    client: &mut Products,
    ids: &[&str],
    currency: &str,
) -> Result<ResolvePricesResponse, Error> {
    let line = |id: &&str| ResolvePricesLine {
        product_id: (*id).to_owned(),
        quantity: Some(Decimal { value: "1.5".to_owned() }),
    };
    let request =
        ResolvePricesRequest { lines: ids.iter().map(line).collect(), currency_code: currency.to_owned() };
    Ok(client.resolve_prices(request).await?.into_inner())
}

#[tokio::test]
async fn a_product_is_active_and_has_a_price_that_can_be_paid() {
    // Whatever the request says of `active`; a price is checked when it is made and when it is changed.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let mut client = mesh.sign_up("acme").await.client(ProductServiceClient::new);
    let chai = create_product(&mut client, Product { active: false, ..product("CHAI") }).await.unwrap();
    assert!(chai.active);
    assert_eq!(chai.price, money(12, 500_000_000, "EUR"));
    let bad = [(-1, 0, "EUR"), (1, 0, "EUX"), (1, 5_000_000, "EUR"), (1, 0, "eur")];
    for ((units, nanos, code), reason) in
        bad.into_iter().zip(["PRICE_INVALID", "PRICE_INVALID", "INVALID_FIELD", "INVALID_FIELD"])
    {
        let price = money(units, nanos, code);
        let made = create_product(&mut client, Product { price: price.clone(), ..product("BAD") }).await;
        let changed = update(&mut client, Product { price: price.clone(), ..chai.clone() }, &["price"]).await;
        for refusal in [made.unwrap_err(), changed.unwrap_err()] {
            assert_eq!(
                (refusal.code(), refusal.reason()),
                (Code::InvalidArgument, reason),
                "{price:?}: {refusal}"
            );
            assert!(refusal.violations()[0].field.starts_with("product.price"), "{refusal:?}");
        }
    }
    let without = create_product(&mut client, Product { price: None, ..product("BAD") }).await.unwrap_err();
    assert_eq!(without.code(), Code::InvalidArgument);
    let yen = update(&mut client, Product { price: money(500, 0, "JPY"), ..chai }, &["price"]).await.unwrap();
    assert_eq!(yen.price, money(500, 0, "JPY"));
    mesh.stop().await;
}

#[tokio::test]
async fn a_sku_is_taken_by_a_living_product_only() {
    // The same for the barcode; both are named in the refusal.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let mut client = mesh.sign_up("acme").await.client(ProductServiceClient::new);
    let barred = |sku: &str| Product { barcode: Some("4006381333931".to_owned()), ..product(sku) };
    let chai = create_product(&mut client, barred("CHAI")).await.unwrap();
    for (other, field) in [(product("CHAI"), "sku"), (barred("CHANG"), "barcode")] {
        let taken = create_product(&mut client, other).await.unwrap_err();
        assert_eq!((taken.code(), taken.violations()[0].field.as_str()), (Code::AlreadyExists, field));
    }
    client.delete_product(DeleteProductRequest { id: chai.id, ..Default::default() }).await.unwrap();
    create_product(&mut client, barred("CHAI")).await.unwrap();
    mesh.stop().await;
}

#[tokio::test]
async fn taking_off_sale_is_told_once() {
    // Twice is like once, the etag moves with the change, and only the change makes an event.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let mut client = mesh.sign_up("acme").await.client(ProductServiceClient::new);
    let chai = create_product(&mut client, product("CHAI")).await.unwrap();
    for _ in 0..2 {
        let request = DeactivateProductRequest { id: chai.id.clone(), ..Default::default() };
        let off = client.deactivate_product(request).await.unwrap().into_inner();
        assert_eq!((off.active, off.etag.as_str()), (false, "\"2\""));
    }
    for _ in 0..2 {
        let request = ActivateProductRequest { id: chai.id.clone(), ..Default::default() };
        assert!(client.activate_product(request).await.unwrap().into_inner().active);
    }
    let mut database = mesh.look_into("catalog").await;
    let query = "select event_type from tessera.outbox where event_type <> 'product.created' order by seq";
    let events: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut database).await.unwrap();
    assert_eq!(events, ["product.deactivated", "product.activated"]);
    mesh.stop().await;
}

#[tokio::test]
async fn prices_are_resolved_for_all_lines_or_none() {
    // In the order of the question, with what an order keeps; what is at fault is named.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut client = acme.client(ProductServiceClient::new);
    let chai = create_product(&mut client, product("CHAI")).await.unwrap();
    let chang = Product { price: money(19, 0, "EUR"), unit: "crate".to_owned(), ..product("CHANG") };
    let chang = create_product(&mut client, chang).await.unwrap();
    let dollar =
        create_product(&mut client, Product { price: money(1, 0, "USD"), ..product("D") }).await.unwrap();
    let off = create_product(&mut client, product("OFF")).await.unwrap();
    let request = DeactivateProductRequest { id: off.id.clone(), ..Default::default() };
    client.deactivate_product(request).await.unwrap();
    let gone = create_product(&mut client, product("GONE")).await.unwrap();
    client.delete_product(DeleteProductRequest { id: gone.id.clone(), ..Default::default() }).await.unwrap();
    let mut bolt = mesh.sign_up("bolt").await.client(ProductServiceClient::new);
    let foreign = create_product(&mut bolt, product("CHAI")).await.unwrap();

    let answer = resolve(&mut client, &[&chang.id, &chai.id, &chang.id], "").await.unwrap();
    assert_eq!(answer.currency_code, "EUR");
    let lines: Vec<(&str, &str, Option<Money>)> = answer
        .lines
        .iter()
        .map(|line| (line.sku.as_str(), line.unit.as_str(), line.unit_price.clone()))
        .collect();
    let dear = ("CHANG", "crate", money(19, 0, "EUR"));
    assert_eq!(lines, [dear.clone(), ("CHAI", "piece", money(12, 500_000_000, "EUR")), dear]);
    let cases = [
        (vec![&chai.id, &gone.id], "", CatalogReason::ProductUnknown, &gone.id),
        (vec![&foreign.id], "", CatalogReason::ProductUnknown, &foreign.id),
        (vec![&off.id, &chai.id], "", CatalogReason::ProductInactive, &off.id),
        (vec![&chai.id, &dollar.id], "", CatalogReason::CurrencyMismatch, &dollar.id),
        (vec![&chai.id], "USD", CatalogReason::CurrencyMismatch, &chai.id),
    ];
    for (ids, currency, reason, fault) in cases {
        let ids: Vec<&str> = ids.into_iter().map(String::as_str).collect();
        let refusal = resolve(&mut client, &ids, currency).await.unwrap_err();
        assert!(refusal.is(reason), "{refusal}");
        assert_eq!(&refusal.metadata()["product_ids"], fault);
    }
    mesh.stop().await;
}
