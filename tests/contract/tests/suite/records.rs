//! What every resource's standard methods must do.

use std::collections::{BTreeMap, BTreeSet};

use contract_tests::call::{call, message};
use contract_tests::resource::{Resource, by_entity, id, resources, text};
use contract_tests::{options, sample};
use kit::{Code, Error};
use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage as _, Value};
use serde_json::json;
use testkit::{Mesh, Party};

/// Creates a record, and first what it must refer to.
pub fn create<'a>(
    party: &'a Party,
    all: &'a [Resource],
    resource: &'a Resource,
    seed: u32,
) -> std::pin::Pin<Box<dyn Future<Output = Result<DynamicMessage, Error>> + 'a>> {
    Box::pin(async move {
        call(party, &method(resource, "Create"), request(party, all, resource, seed).await).await
    })
}

/// What creates a record, with references to others that are there.
pub async fn request(party: &Party, all: &[Resource], resource: &Resource, seed: u32) -> DynamicMessage {
    let mut made = BTreeMap::new();
    for field in resource.entity.fields() {
        let Some(target) = options::references(&field) else { continue };
        // References that may stay empty stay so, but those to another entity are made where that is possible.
        let Some(target) = by_entity(all, &target).filter(|other| other.entity != resource.entity) else {
            continue;
        };
        if let Ok(record) = create(party, all, target, seed + 1_000).await {
            made.insert(field.full_name().to_owned(), id(&record));
        }
    }
    let resolve = |field: &FieldDescriptor| made.get(field.full_name()).cloned();
    let entity = sample::fill(&resource.entity, seed, &resolve);
    resource.with_entity(&method(resource, "Create"), entity)
}

/// A standard method that the resource must have.
pub fn method(resource: &Resource, verb: &str) -> prost_reflect::MethodDescriptor {
    resource.method(verb).unwrap_or_else(|| panic!("{} has no {verb}", resource.entity.full_name()))
}

/// A standard method with a request for one record.
pub fn by_id(
    resource: &Resource,
    verb: &str,
    record: &str,
) -> (prost_reflect::MethodDescriptor, DynamicMessage) {
    let method = method(resource, verb);
    let request = message(&method.input(), json!({"id": record}));
    (method, request)
}

/// The record without what every write changes.
fn settled(record: &DynamicMessage) -> BTreeMap<String, String> {
    let kept = |field: &FieldDescriptor| {
        !matches!(field.name(), "update_time" | "updated_by" | "etag" | "delete_time")
    };
    let fields = record.descriptor().fields().filter(kept).collect::<Vec<_>>();
    fields.iter().map(|field| (field.name().to_owned(), format!("{:?}", record.get_field(field)))).collect()
}

/// What a caller has set in a record.
fn callers_own(record: &DynamicMessage) -> BTreeMap<String, String> {
    let mut own = settled(record);
    own.retain(|name, _| {
        let field = record.descriptor().get_field_by_name(name).expect("it is the record's own");
        !options::behaves(&field, options::OUTPUT_ONLY)
    });
    own
}

/// How many events and how many audit rows tell of this change of a record.
async fn told(mesh: &Mesh, resource: &Resource, record: &str, change: &str) -> (i64, i64) {
    let service = resource.entity.full_name().split('.').nth(1).expect("erp.<service>.v1.X").to_owned();
    let mut database = mesh.look_into(&service).await;
    let statement = "select
        (select count(*) from tessera.outbox where event_type like '%.' || $2 and split_part(key, ':', 2) = $1),
        (select count(*) from tessera.audit_log where entity_id = $1::uuid and change = $2)";
    sqlx::query_as(statement).bind(record).bind(change).fetch_one(&mut database).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_keeps_the_standard_methods() {
    // For every resource: create, get, update with a mask, list, search, delete and undelete must round-trip,
    // each write must leave one event and one audit row, and every misuse must be refused as the contract says.
    let mesh = crate::mesh().await;
    let (acme, rival) = (mesh.sign_up("acme").await, mesh.sign_up("rival").await);
    let all = resources();
    assert!(all.len() >= 8, "only {} resources were found", all.len());
    for (place, resource) in all.iter().enumerate() {
        let seed = 100 + u32::try_from(place).unwrap() * 10;
        let walk = Walk { mesh: &mesh, acme: &acme, rival: &rival, all: &all, resource, seed };
        walk.run().await;
    }
    mesh.stop().await;
}

struct Walk<'a> {
    mesh: &'a Mesh,
    acme: &'a Party,
    rival: &'a Party,
    all: &'a [Resource],
    resource: &'a Resource,
    seed: u32,
}

impl Walk<'_> {
    fn name(&self) -> &str {
        self.resource.entity.full_name()
    }

    async fn run(&self) {
        let record = self.create_and_get().await;
        let record = self.update(record).await;
        self.misuse_update(&record).await;
        self.list_and_search(&record).await;
        self.stay_foreign(&record).await;
        self.delete(&record).await;
    }

    async fn create_and_get(&self) -> DynamicMessage {
        let request = request(self.acme, self.all, self.resource, self.seed).await;
        let record = call(self.acme, &method(self.resource, "Create"), request.clone()).await;
        let record = record.unwrap_or_else(|error| panic!("{}: create failed: {error:?}", self.name()));
        self.was_told(&record, "created").await;
        let sent = request.get_field_by_name(&self.resource.field).unwrap().as_message().unwrap().clone();
        for field in self.resource.entity.fields() {
            if sent.has_field(&field) && options::table(&self.resource.entity).is_some() {
                assert_eq!(
                    record.get_field(&field),
                    sent.get_field(&field),
                    "{}.{}",
                    self.name(),
                    field.name()
                );
            }
        }
        assert_eq!(text(&record, "tenant_id"), self.acme.tenant_id(), "{}", self.name());
        assert_eq!(text(&record, "etag"), "\"1\"", "{}", self.name());
        let (get, by_id) = by_id(self.resource, "Get", &id(&record));
        let got = call(self.acme, &get, by_id).await.unwrap();
        assert_eq!(got, record, "{}: get differs from create", self.name());
        record
    }

    /// A write leaves one audit row, and one event where the contract names a topic.
    async fn was_told(&self, record: &DynamicMessage, change: &str) {
        let has_topic = options::table(&self.resource.entity).is_some_and(|table| table.topic.is_some());
        let told = told(self.mesh, self.resource, &id(record), change).await;
        assert_eq!(told, (i64::from(has_topic), 1), "{}: events and audit rows of {change}", self.name());
    }

    async fn update(&self, record: DynamicMessage) -> DynamicMessage {
        let Some(update) = self.resource.method("Update") else { return record };
        let Some((field, value)) = sample::change(&record, self.seed + 3) else { return record };
        let mut patch = DynamicMessage::new(self.resource.entity.clone());
        patch.set_field_by_name("id", Value::String(id(&record)));
        patch.set_field_by_name("etag", Value::String(text(&record, "etag")));
        patch.set_field(&field, value.clone());
        let mut request = DynamicMessage::new(update.input());
        request.set_field_by_name(&self.resource.field, Value::Message(patch));
        set_mask(&mut request, &[field.name()]);
        let updated = call(self.acme, &update, request.clone()).await;
        let updated = updated.unwrap_or_else(|error| panic!("{}: update failed: {error:?}", self.name()));
        let mut expected = settled(&record);
        expected.insert(field.name().to_owned(), format!("{value:?}"));
        assert_eq!(settled(&updated), expected, "{}: update changed something else", self.name());
        assert_eq!(text(&updated, "etag"), "\"2\"", "{}", self.name());
        self.was_told(&record, "updated").await;
        let error = call(self.acme, &update, request).await.expect_err("a stale etag");
        assert_eq!((error.code(), error.reason()), (Code::Aborted, "STALE_ETAG"), "{}", self.name());
        updated
    }

    async fn misuse_update(&self, record: &DynamicMessage) {
        let Some(update) = self.resource.method("Update") else { return };
        let mut patch = DynamicMessage::new(self.resource.entity.clone());
        patch.set_field_by_name("id", Value::String(id(record)));
        let mut request = DynamicMessage::new(update.input());
        request.set_field_by_name(&self.resource.field, Value::Message(patch));
        for path in ["no_such_field", "create_time"] {
            set_mask(&mut request, &[path]);
            let error =
                call(self.acme, &update, request.clone()).await.expect_err("a path that can't be set");
            assert_eq!(error.code(), Code::InvalidArgument, "{}: mask {path}", self.name());
            assert!(
                error.violations().iter().any(|v| v.field == "update_mask"),
                "{}: mask {path}: {error}",
                self.name()
            );
        }
    }

    async fn list_and_search(&self, record: &DynamicMessage) {
        let list = method(self.resource, "List");
        let filter = format!("id = \"{}\"", id(record));
        let page =
            call(self.acme, &list, message(&list.input(), json!({"filter": filter, "showTotalSize": true})))
                .await
                .unwrap();
        assert_eq!(self.resource.items(&list, &page), vec![record.clone()], "{}: list by id", self.name());
        assert_eq!(page.get_field_by_name("total_size").unwrap().as_i64(), Some(1), "{}", self.name());
        for (bad, field) in [
            (json!({"filter": "no_such = 1"}), "filter"),
            (json!({"orderBy": "no_such"}), "order_by"),
            (json!({"pageToken": "x"}), "page_token"),
        ] {
            let error =
                call(self.acme, &list, message(&list.input(), bad)).await.expect_err("a bad list request");
            assert_eq!(error.code(), Code::InvalidArgument, "{}: {field}", self.name());
            assert!(error.violations().iter().any(|v| v.field == field), "{}: {field}: {error}", self.name());
        }
        let Some(search) = self.resource.method("Search") else { return };
        let table = options::table(&self.resource.entity).unwrap();
        let word = table.search.iter().map(|field| text(record, field)).find(|text| !text.is_empty());
        let Some(word) = word else { return };
        let found = call(self.acme, &search, message(&search.input(), json!({"query": word}))).await.unwrap();
        let found: BTreeSet<String> = self.resource.items(&search, &found).iter().map(id).collect();
        assert!(found.contains(&id(record)), "{}: search for {word:?} found {found:?}", self.name());
    }

    /// Another tenant must not learn that the record exists.
    async fn stay_foreign(&self, record: &DynamicMessage) {
        for verb in ["Get", "Delete", "Undelete"] {
            if self.resource.method(verb).is_none() {
                continue;
            }
            let (method, request) = by_id(self.resource, verb, &id(record));
            let error = call(self.rival, &method, request).await.expect_err("another tenant's record");
            assert_eq!(error.code(), Code::NotFound, "{}: {verb}", self.name());
        }
        if let Some(update) = self.resource.method("Update") {
            let mut request = DynamicMessage::new(update.input());
            request.set_field_by_name(&self.resource.field, Value::Message(record.clone()));
            let error = call(self.rival, &update, request).await.expect_err("another tenant's record");
            assert_eq!(error.code(), Code::NotFound, "{}: Update", self.name());
        }
        self.refer_to_foreign(record).await;
        let list = method(self.resource, "List");
        let page = call(self.rival, &list, DynamicMessage::new(list.input())).await.unwrap();
        let seen: Vec<String> = self.resource.items(&list, &page).iter().map(id).collect();
        assert!(!seen.contains(&id(record)), "{}: another tenant lists it", self.name());
    }

    /// Nor may a record refer to another tenant's of the same service. What other services hold is theirs to judge.
    async fn refer_to_foreign(&self, record: &DynamicMessage) {
        let create = method(self.resource, "Create");
        let package = self.resource.entity.package_name();
        let target = |field: &FieldDescriptor| {
            let target = options::references(field).filter(|target| target.starts_with(package))?;
            by_entity(self.all, &target)
        };
        for field in self.resource.entity.fields() {
            let Some(target) = target(&field) else { continue };
            let mut request = request(self.acme, self.all, self.resource, self.seed + 4).await;
            let entity = request.get_field_by_name_mut(&self.resource.field).and_then(Value::as_message_mut);
            let entity = entity.expect("it is set");
            for other in self.resource.entity.fields().filter(|other| *other != field) {
                if options::references(&other).is_some() {
                    entity.clear_field(&other);
                }
            }
            if target.entity == self.resource.entity {
                entity.set_field(&field, Value::String(id(record)));
            }
            assert!(entity.has_field(&field), "{} is not tried", field.full_name());
            let error = call(self.rival, &create, request).await.expect_err(field.full_name());
            assert_eq!(error.code(), Code::FailedPrecondition, "{}: {error}", field.full_name());
        }
    }

    async fn delete(&self, record: &DynamicMessage) {
        if self.resource.method("Delete").is_none() {
            return;
        }
        let (delete, request) = by_id(self.resource, "Delete", &id(record));
        let mut stale = request.clone();
        stale.set_field_by_name("etag", Value::String("\"999\"".to_owned()));
        let error = call(self.acme, &delete, stale).await.expect_err("a stale etag");
        assert_eq!(error.code(), Code::Aborted, "{}", self.name());
        call(self.acme, &delete, request.clone())
            .await
            .unwrap_or_else(|error| panic!("{}: delete: {error:?}", self.name()));
        self.was_told(record, "deleted").await;
        let error = call(self.acme, &delete, request).await.expect_err("it is deleted");
        assert_eq!(error.code(), Code::NotFound, "{}: deleted twice", self.name());
        let list = method(self.resource, "List");
        let filter = json!({"filter": format!("id = \"{}\"", id(record))});
        let page = call(self.acme, &list, message(&list.input(), filter)).await.unwrap();
        assert!(self.resource.items(&list, &page).is_empty(), "{}: lists what is deleted", self.name());
        if self.resource.method("Undelete").is_some() {
            let (undelete, request) = by_id(self.resource, "Undelete", &id(record));
            let back = call(self.acme, &undelete, request.clone()).await.unwrap();
            // What only the service sets may differ: a user comes back without the right to log in.
            assert_eq!(callers_own(&back), callers_own(record), "{}: undelete changed it", self.name());
            self.was_told(record, "undeleted").await;
            let error = call(self.acme, &undelete, request).await.expect_err("it is not deleted");
            assert_eq!(error.code(), Code::AlreadyExists, "{}: undeleted twice", self.name());
        }
    }
}

pub fn set_mask(request: &mut DynamicMessage, paths: &[&str]) {
    let field = request.descriptor().get_field_by_name("update_mask").expect("updates take a mask");
    let mut mask = DynamicMessage::new(field.kind().as_message().expect("a FieldMask").clone());
    // Not from JSON, which would write the paths in another case.
    let paths = paths.iter().map(|path| Value::String((*path).to_owned())).collect();
    mask.set_field_by_name("paths", Value::List(paths));
    request.set_field(&field, Value::Message(mask));
}
