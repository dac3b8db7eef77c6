//! What there is must be read alike in every way: by pages, by its id, with others, by its words.

use std::collections::BTreeSet;

use contract_tests::call::{call, message};
use contract_tests::resource::{id, resources, text};
use contract_tests::{options, services};
use kit::{Code, IdSource as _};
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::json;
use testkit::Party;

use crate::furnished::{furnish, items, list_of};
use crate::records::{create, method};

/// The most records that are asked for at once here.
const BATCH_MAX: usize = 20;

/// An entity with the methods that read it.
pub struct Shelf {
    pub entity: MessageDescriptor,
    pub list: MethodDescriptor,
    pub get: Option<MethodDescriptor>,
    pub batch_get: Option<MethodDescriptor>,
    pub search: Option<MethodDescriptor>,
}

/// Every entity that can be listed.
pub fn shelves() -> Vec<Shelf> {
    let shelf = |service: prost_reflect::ServiceDescriptor| {
        let list = list_of(&service)?;
        let is_entity = |message: &MessageDescriptor| options::table(message).is_some();
        let fields = list.output().fields().collect::<Vec<_>>();
        let entity = fields.iter().filter_map(|field| field.kind().as_message().cloned()).find(is_entity)?;
        let named = |name: &str| service.methods().find(|method| method.name() == name);
        let plural = list.name().trim_start_matches("List").to_owned();
        Some(Shelf {
            get: named(&format!("Get{}", entity.name())),
            batch_get: named(&format!("BatchGet{plural}")),
            search: named(&format!("Search{plural}")),
            entity,
            list,
        })
    };
    services().into_iter().filter_map(shelf).collect()
}

impl Shelf {
    /// Whether the method is one of those that are walked here.
    pub fn has(&self, method: &MethodDescriptor) -> bool {
        let others = [&self.get, &self.batch_get, &self.search];
        self.list == *method || others.into_iter().flatten().any(|one| one == method)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_read_alike() {
    // Whoever pages through a list, gets its records one by one, several at once in an order of his own, or looks for
    // their words must find the same; and an id of nobody or of another tenant among his own must give nothing at all.
    let mesh = crate::mesh().await;
    let (acme, rival) = (mesh.sign_up("acme").await, mesh.sign_up("rival").await);
    let all = resources();
    furnish(&mesh, &acme, &all).await;
    furnish(&mesh, &rival, &all).await;
    mesh.sign_in(&acme).await;
    let shelves = shelves();
    assert!(shelves.len() >= 15, "only {} lists were found", shelves.len());
    for shelf in &shelves {
        let found = page_through(&acme, shelf).await;
        get(&acme, shelf, &found).await;
        batch_get(&acme, &rival, shelf, &found).await;
        search(&acme, shelf, &found).await;
    }
    mesh.stop().await;
}

/// All records of a list, which its pages must hold one after the other.
async fn page_through(party: &Party, shelf: &Shelf) -> Vec<DynamicMessage> {
    let (list, name) = (&shelf.list, shelf.list.name());
    let whole = call(party, list, message(&list.input(), json!({"pageSize": 1_000}))).await.unwrap();
    let whole = items(&whole);
    assert!(whole.len() >= 2, "{name}: {} records are too few to be told apart", whole.len());
    let size = 1 + whole.len() / 4;
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let query = message(&list.input(), json!({"pageSize": size, "pageToken": token}));
        let page = call(party, list, query).await.unwrap();
        assert!(items(&page).len() <= size, "{name}: a page is longer than asked for");
        paged.extend(items(&page));
        token = text(&page, "next_page_token");
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, whole, "{name}: the pages are not the list");
    whole
}

async fn get(party: &Party, shelf: &Shelf, found: &[DynamicMessage]) {
    let Some(get) = &shelf.get else { return };
    for record in found.iter().take(BATCH_MAX) {
        let got = call(party, get, message(&get.input(), json!({"id": id(record)}))).await.unwrap();
        assert_eq!(got, *record, "{}: not what {} gives", get.name(), shelf.list.name());
    }
}

async fn batch_get(party: &Party, rival: &Party, shelf: &Shelf, found: &[DynamicMessage]) {
    let Some(batch_get) = &shelf.batch_get else { return };
    let name = batch_get.name();
    let ask = async |ids: Vec<String>| {
        call(party, batch_get, message(&batch_get.input(), json!({"ids": ids}))).await
    };
    let wanted: Vec<DynamicMessage> = found.iter().take(BATCH_MAX).rev().cloned().collect();
    let ids: Vec<String> = wanted.iter().map(id).collect();
    let got = ask(ids.clone()).await.unwrap();
    assert_eq!(items(&got), wanted, "{name}: not what was asked for, in this order");
    let theirs = call(rival, &shelf.list, DynamicMessage::new(shelf.list.input())).await.unwrap();
    let theirs = id(items(&theirs).first().unwrap_or_else(|| panic!("{name}: the rival has nothing")));
    for (whose, foreign) in [("nobody's", kit::UuidV7.new_id().to_string()), ("another's", theirs)] {
        let among = ids.iter().take(1).cloned().chain([foreign]).chain(ids.iter().skip(1).cloned());
        let error = ask(among.collect()).await.expect_err(name);
        assert_eq!(error.code(), Code::NotFound, "{name}: {whose} among one's own");
    }
}

async fn search(party: &Party, shelf: &Shelf, found: &[DynamicMessage]) {
    let Some(search) = &shelf.search else { return };
    let fields = options::table(&shelf.entity).expect("it is an entity").search;
    let words = found.iter().find_map(|record| {
        let words = fields.iter().map(|field| text(record, field)).find(|words| !words.is_empty())?;
        Some((words, record))
    });
    let (words, record) = words.unwrap_or_else(|| panic!("{}: no record has words", search.name()));
    let page = call(party, search, message(&search.input(), json!({"query": words}))).await.unwrap();
    assert!(items(&page).contains(record), "{}: {words:?} does not find its record", search.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_complete_while_rows_are_added() {
    // Paging through a list while others insert must show every row that was there at the start exactly once, however
    // it is ordered; and a token of one order must not open a page of another.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    let all = resources();
    for resource in &all {
        let (list, name) = (method(resource, "List"), resource.entity.full_name());
        let mut expected = BTreeSet::new();
        for seed in 20..29 {
            expected.insert(id(&create(&acme, &all, resource, seed).await.unwrap()));
        }
        let mut seed = 30;
        // None of them changes with what is written behind it.
        for order in ["", "create_time desc", "create_time, id desc"] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let query = json!({"pageSize": 4, "orderBy": order, "pageToken": token});
                let page = call(&acme, &list, message(&list.input(), query)).await.unwrap();
                seen.extend(resource.items(&list, &page).iter().map(id));
                token = text(&page, "next_page_token");
                if token.is_empty() {
                    break;
                }
                assert!(seed < 200, "{name}: the pages by {order:?} do not end");
                create(&acme, &all, resource, seed).await.unwrap();
                seed += 1;
                let other = json!({"pageSize": 4, "orderBy": "id desc", "pageToken": token});
                let refused = call(&acme, &list, message(&list.input(), other)).await;
                assert_eq!(refused.unwrap_err().reason(), "BAD_PAGE_TOKEN", "{name}: another order's token");
            }
            let unique: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(unique.len(), seen.len(), "{name} by {order:?}: a row was shown twice");
            assert!(expected.is_subset(&unique), "{name} by {order:?}: a row was left out");
        }
    }
    mesh.stop().await;
}
