//! Resources: entities with their standard methods, found by name and shape.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, MessageDescriptor, MethodDescriptor, ReflectMessage as _,
    ServiceDescriptor, Value,
};

use crate::options::table;

/// An entity that callers may create freely.
#[derive(Clone)]
pub struct Resource {
    pub service: ServiceDescriptor,
    pub entity: MessageDescriptor,
    /// The entity's field in Create and Update requests.
    pub field: String,
}

/// Every resource whose Create takes the entity itself.
pub fn resources() -> Vec<Resource> {
    crate::services().into_iter().filter_map(resource).collect()
}

fn resource(service: ServiceDescriptor) -> Option<Resource> {
    let create = service.methods().find(|method| method.name().starts_with("Create"))?;
    let entity = create.output();
    let is_free = table(&entity).is_some_and(|table| !table.aggregate);
    let named = create.name() == format!("Create{}", entity.name());
    let field =
        create.input().fields().find(|field| field.kind().as_message() == Some(&entity))?.name().to_owned();
    (is_free && named).then_some(Resource { service, entity, field })
}

impl Resource {
    /// A standard method of the resource: `Update` gives UpdateContact.
    pub fn method(&self, verb: &str) -> Option<MethodDescriptor> {
        let one = format!("{verb}{}", self.entity.name());
        let fits = |method: &MethodDescriptor| {
            method.name() == one || (method.name().starts_with(verb) && self.list_field(method).is_some())
        };
        self.service.methods().find(fits)
    }

    /// The field of a page or batch that holds the entities.
    pub fn list_field(&self, method: &MethodDescriptor) -> Option<FieldDescriptor> {
        method
            .output()
            .fields()
            .find(|field| field.is_list() && field.kind().as_message() == Some(&self.entity))
    }

    /// A request with the entity in its place.
    pub fn with_entity(&self, method: &MethodDescriptor, entity: DynamicMessage) -> DynamicMessage {
        let mut request = DynamicMessage::new(method.input());
        request.set_field_by_name(&self.field, Value::Message(entity));
        for field in method.input().fields() {
            // Further required fields, such as the first password of a user.
            if crate::options::behaves(&field, crate::options::REQUIRED) && field.name() != self.field {
                request.set_field(&field, Value::String("a password of some length".to_owned()));
            }
        }
        request
    }

    /// The entities of a page.
    pub fn items(&self, method: &MethodDescriptor, page: &DynamicMessage) -> Vec<DynamicMessage> {
        let field = self.list_field(method).expect("the method returns a page");
        let list = page.get_field(&field);
        list.as_list().unwrap_or_default().iter().filter_map(|item| item.as_message().cloned()).collect()
    }
}

/// A string field of a message; empty when it has none of this name.
pub fn text(message: &DynamicMessage, name: &str) -> String {
    let value = message.get_field_by_name(name);
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The entity that a full name names, among the resources.
pub fn by_entity<'a>(resources: &'a [Resource], name: &str) -> Option<&'a Resource> {
    resources.iter().find(|resource| resource.entity.full_name() == name)
}

/// The message's id.
pub fn id(message: &DynamicMessage) -> String {
    assert!(
        message.descriptor().get_field_by_name("id").is_some(),
        "{} has no id",
        message.descriptor().full_name()
    );
    text(message, "id")
}
