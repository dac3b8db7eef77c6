use contracts::catalog::v1::category_service_client::CategoryServiceClient;
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{
    CatalogReason, Category, DeleteCategoryRequest, DeleteProductRequest, GetCategoryRequest, Product,
    UndeleteProductRequest, UpdateCategoryRequest,
};
use kit::{Code, Error};
use prost_types::FieldMask;
use testkit::Mesh;

use crate::support::{Categories, category, create_category, create_product, product};

async fn put_below(
    client: &mut Categories,
    category: &Category,
    parent: &Category,
) -> Result<Category, Error> {
    let patch =
        Category { id: category.id.clone(), parent_id: Some(parent.id.clone()), ..Category::default() };
    let update_mask = Some(FieldMask { paths: vec!["parent_id".to_owned()] });
    let request = UpdateCategoryRequest { category: Some(patch), update_mask, ..Default::default() };
    Ok(client.update_category(request).await?.into_inner())
}

async fn delete(client: &mut Categories, category: &Category) -> Result<Category, Error> {
    let request = DeleteCategoryRequest { id: category.id.clone(), ..Default::default() };
    Ok(client.delete_category(request).await?.into_inner())
}

#[tokio::test]
async fn categories_are_a_tree() {
    // No ring, not even by two moves at once, and ten levels at the most.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut client = acme.client(CategoryServiceClient::new);
    let mut chain = vec![create_category(&mut client, category("level-1", None)).await.unwrap()];
    for level in 2..=10 {
        let next = category(&format!("level-{level}"), chain.last());
        chain.push(create_category(&mut client, next).await.unwrap());
    }
    let deep = create_category(&mut client, category("level-11", chain.last())).await.unwrap_err();
    assert_eq!(deep.code(), Code::InvalidArgument, "{deep}");
    for below in [&chain[0], &chain[9]] {
        let ring = put_below(&mut client, &chain[0], below).await.unwrap_err();
        assert!(ring.is(CatalogReason::CategoryCycle), "{ring}");
    }
    for round in 0..10 {
        let one = create_category(&mut client, category(&format!("one-{round}"), None)).await.unwrap();
        let other = create_category(&mut client, category(&format!("other-{round}"), None)).await.unwrap();
        let (mut first, mut second) = (client.clone(), client.clone());
        let (left, right) =
            tokio::join!(put_below(&mut first, &one, &other), put_below(&mut second, &other, &one));
        assert!(left.is_ok() != right.is_ok(), "round {round}: {left:?} {right:?}");
    }
    mesh.stop().await;
}

#[tokio::test]
async fn a_category_in_use_stays() {
    // Deleted products are no use; they come back into no category.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let (mut client, mut products) =
        (acme.client(CategoryServiceClient::new), acme.client(ProductServiceClient::new));
    let drinks = create_category(&mut client, category("drinks", None)).await.unwrap();
    let teas = create_category(&mut client, category("teas", Some(&drinks))).await.unwrap();
    let chai = Product { category_id: Some(teas.id.clone()), ..product("CHAI") };
    let chai = create_product(&mut products, chai).await.unwrap();
    for used in [&drinks, &teas] {
        let refusal = delete(&mut client, used).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.reason()), (Code::FailedPrecondition, "REFERENCE_BROKEN"));
    }
    products
        .delete_product(DeleteProductRequest { id: chai.id.clone(), ..Default::default() })
        .await
        .unwrap();
    delete(&mut client, &teas).await.unwrap();
    let gone = client.get_category(GetCategoryRequest { id: teas.id }).await.unwrap_err();
    assert_eq!(Error::from(gone).code(), Code::NotFound);
    let back = products.undelete_product(UndeleteProductRequest { id: chai.id, ..Default::default() }).await;
    assert_eq!(back.unwrap().into_inner().category_id, None);
    delete(&mut client, &drinks).await.unwrap();
    mesh.stop().await;
}
