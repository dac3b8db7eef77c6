//! Field masks (AIP-134): which fields of a patch replace those of a record.

use kit::{Error, Result};
use prost_reflect::{DynamicMessage, Kind as FieldKind, ReflectMessage};
use prost_types::FieldMask;

use crate::record::Record;
use crate::table::{Column, Table};

/// Takes the fields of the mask from the patch. No mask: all that are set in the patch; `*`: all that a
/// caller may set. `path` is the record's place in the request, for errors.
pub(crate) fn apply<R: Record>(
    record: &mut R,
    patch: &R,
    mask: Option<&FieldMask>,
    path: &str,
) -> Result<()> {
    let table = R::table();
    let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
        for field in settable(table) {
            if patch.is_set(field) && !unchanged_immutable(table, field, record, patch) {
                refuse_immutable(table, field, path)?;
                record.copy_field(patch, field);
            }
        }
        return Ok(());
    };
    if mask.paths.iter().any(|path| path == "*") {
        if mask.paths.len() > 1 {
            return Err(Error::invalid("update_mask", "`*` must stand alone"));
        }
        for field in settable(table).filter(|field| !is(table, field, |column| column.immutable)) {
            record.copy_field(patch, field);
        }
        return Ok(());
    }
    for masked in &mask.paths {
        let (field, rest) = masked.split_once('.').unwrap_or((masked, ""));
        check_settable(table, field, masked)?;
        if unchanged_immutable(table, field, record, patch) {
            continue;
        }
        refuse_immutable(table, field, path)?;
        if rest.is_empty() {
            record.copy_field(patch, field);
        } else {
            copy_nested(record, patch, masked)?;
        }
    }
    Ok(())
}

fn check_settable(table: &'static Table, field: &str, masked: &str) -> Result<()> {
    if table.columns_of(field).next().is_none() {
        let known: Vec<_> = settable(table).collect();
        return Err(Error::invalid(
            "update_mask",
            format!("names `{masked}`; there are {}", known.join(", ")),
        ));
    }
    if is(table, field, |column| column.output_only) || field == "etag" {
        return Err(Error::invalid("update_mask", format!("names `{masked}`, which only the service sets")));
    }
    Ok(())
}

fn unchanged_immutable<R: Record>(table: &'static Table, field: &str, record: &R, patch: &R) -> bool {
    is(table, field, |column| column.immutable) && record.field_json(field) == patch.field_json(field)
}

fn refuse_immutable(table: &'static Table, field: &str, path: &str) -> Result<()> {
    if is(table, field, |column| column.immutable) {
        return Err(Error::invalid(&format!("{path}.{field}"), "can't be changed"));
    }
    Ok(())
}

/// The fields that a caller may set, each once.
fn settable(table: &'static Table) -> impl Iterator<Item = &'static str> {
    let mut last = "";
    table.columns.iter().filter(|column| !column.output_only && column.field != "etag").filter_map(
        move |column| {
            let repeated = column.field == last;
            last = column.field;
            (!repeated).then_some(column.field)
        },
    )
}

fn is(table: &'static Table, field: &str, test: impl Fn(&Column) -> bool) -> bool {
    table.columns_of(field).any(|(_, column)| test(column))
}

/// Copies one field inside nested messages. Rare, so that a reflective message is good enough.
fn copy_nested<R: Record>(record: &mut R, patch: &R, masked: &str) -> Result<()> {
    let unknown = || Error::invalid("update_mask", format!("names `{masked}`, which does not exist"));
    let mut target = record.transcode_to_dynamic();
    let mut source = patch.transcode_to_dynamic();
    let mut place: &mut DynamicMessage = &mut target;
    let names: Vec<&str> = masked.split('.').collect();
    let (last, parents) = names.split_last().ok_or_else(unknown)?;
    for name in parents {
        let field = place.descriptor().get_field_by_name(name).ok_or_else(unknown)?;
        if field.is_list() || field.is_map() || !matches!(field.kind(), FieldKind::Message(_)) {
            return Err(unknown());
        }
        source = source.get_field(&field).as_message().cloned().ok_or_else(unknown)?;
        place = place.get_field_mut(&field).as_message_mut().ok_or_else(unknown)?;
    }
    let field = place.descriptor().get_field_by_name(last).ok_or_else(unknown)?;
    if source.has_field(&field) {
        place.set_field(&field, source.get_field(&field).into_owned());
    } else {
        place.clear_field(&field);
    }
    *record = target.transcode_to().map_err(Error::internal)?;
    Ok(())
}
