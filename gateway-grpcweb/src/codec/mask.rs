//! The field mask of a PATCH, noted while its body is read.

use super::plan::{Card, FieldPlan, Plans, Shape, Ty};

/// The paths that a body names.
#[derive(Default)]
pub(super) struct Mask {
    paths: Vec<String>,
    prefix: String,
    /// Fields met so far, noted or not.
    met: usize,
    /// Above zero within a value that is replaced as a whole.
    quiet: u32,
}

/// What to restore when a field's value has been read.
pub(super) struct Entered {
    prefix: usize,
    met: usize,
    descends: bool,
}

impl Mask {
    pub(super) fn enter(&mut self, plans: &Plans, field: &FieldPlan) -> Entered {
        let descends = self.quiet == 0 && !field.output_only && is_partial(plans, field);
        let entered = Entered { prefix: self.prefix.len(), met: self.met + 1, descends };
        self.met += 1;
        if self.quiet == 0 && !field.output_only {
            if !self.prefix.is_empty() {
                self.prefix.push('.');
            }
            self.prefix.push_str(&field.name);
            if !descends {
                self.paths.push(self.prefix.clone());
            }
        }
        if !descends {
            self.quiet += 1;
        }
        entered
    }

    pub(super) fn leave(&mut self, entered: &Entered) {
        if !entered.descends {
            self.quiet -= 1;
        } else if self.met == entered.met {
            // null or an object without fields: the message itself is meant.
            self.paths.push(self.prefix.clone());
        }
        self.prefix.truncate(entered.prefix);
    }

    pub(super) fn into_paths(self) -> Vec<String> {
        self.paths
    }
}

/// Whether a field's own fields can be changed one by one. `google.type` holds values such as
/// money and dates, of which a part means nothing.
fn is_partial(plans: &Plans, field: &FieldPlan) -> bool {
    match (field.card, field.ty) {
        (Card::One, Ty::Message(id)) => {
            let plan = plans.message(id);
            plan.shape == Shape::Plain && !plan.full_name().starts_with("google.type.")
        }
        _ => false,
    }
}
