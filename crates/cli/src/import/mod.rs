//! Reads data of other systems into a [`crate::load::Plan`]. Pure but for the reading of files.

mod countries;
mod northwind;
mod sheet;

pub use northwind::{Options, read};
pub use sheet::{Cells, Sheet};

pub use countries::code as country_code;
