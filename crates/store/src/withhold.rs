//! Fields that need a permission of their own, beside that of the method: left out of answers, and not compared.

use kit::{Error, Result};
use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage, Value};

use crate::caller::Caller;
use crate::rpc::Method;
use crate::table::Column;

/// The answer without the fields that the caller may not read.
pub(crate) fn withhold<M: ReflectMessage + Default>(caller: &Caller, method: &Method, answer: M) -> M {
    if method.read_permissions.iter().all(|permission| caller.may(permission)) {
        return answer;
    }
    let mut shown = answer.transcode_to_dynamic();
    clear(caller, &mut shown);
    shown.transcode_to().expect("clearing a field leaves a message of the same type")
}

fn clear(caller: &Caller, message: &mut DynamicMessage) {
    let set: Vec<FieldDescriptor> = message.fields().map(|(field, _)| field).collect();
    for field in set {
        if read_permission(&field).is_some_and(|permission| !caller.may(&permission)) {
            message.clear_field(&field);
        } else if field.kind().as_message().is_some() {
            each_message(message.get_field_mut(&field), &mut |inner| clear(caller, inner));
        }
    }
}

fn each_message(value: &mut Value, act: &mut impl FnMut(&mut DynamicMessage)) {
    match value {
        Value::Message(message) => act(message),
        Value::List(list) => list.iter_mut().for_each(|one| each_message(one, act)),
        Value::Map(map) => map.values_mut().for_each(|one| each_message(one, act)),
        _ => {}
    }
}

fn read_permission(field: &FieldDescriptor) -> Option<String> {
    let permission = own_option(field, "read_permission")?.as_str()?.to_owned();
    (!permission.is_empty()).then_some(permission)
}

/// What `(erp.v1.field)` says of a field under this name.
pub(crate) fn own_option(field: &FieldDescriptor, name: &str) -> Option<Value> {
    let extension = field.parent_pool().get_extension_by_name("erp.v1.field")?;
    let options = field.options();
    let said = options.get_extension(&extension);
    Some(said.as_message()?.get_field_by_name(name)?.into_owned())
}

/// Refuses to compare or sort by what the caller may not read: the order of a list tells the values.
pub(crate) fn check_compared(
    caller: &Caller,
    columns: impl IntoIterator<Item = &'static Column>,
) -> Result<()> {
    let mut asked = columns.into_iter().filter_map(|column| column.read_permission);
    match asked.find(|permission| !caller.may(permission)) {
        Some(permission) => Err(Error::permission_missing(permission)),
        None => Ok(()),
    }
}
