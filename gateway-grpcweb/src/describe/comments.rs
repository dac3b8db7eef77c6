//! The comments of the contracts, where the descriptor set kept them.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// The comments of one file, by the path of the declaration in the file's descriptor.
type OfFile = HashMap<Box<[i32]>, Box<str>>;

/// The comment of every declaration, by file and by its path in the file's descriptor.
#[derive(Default)]
pub(crate) struct Comments {
    files: HashMap<Box<str>, OfFile>,
}

impl Comments {
    /// Reads the comments of all files. A set without source info simply has none.
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        let mut files = HashMap::new();
        for file in pool.files() {
            let info = file.file_descriptor_proto().source_code_info.as_ref();
            let mut comments = OfFile::new();
            for place in info.iter().flat_map(|info| &info.location) {
                let text = place.leading_comments.as_deref().or(place.trailing_comments.as_deref());
                let text = text.map(tidy).filter(|text| !text.is_empty());
                if let Some(text) = text {
                    comments.insert(place.path.as_slice().into(), text.into());
                }
            }
            if !comments.is_empty() {
                files.insert(file.name().into(), comments);
            }
        }
        Self { files }
    }

    /// The comment of a declaration.
    pub(crate) fn of_path(&self, file: &FileDescriptor, path: &[i32]) -> Option<&str> {
        self.files.get(file.name())?.get(path).map(|text| &**text)
    }
}

/// The text of a comment: one line for each paragraph, as the line breaks of a proto file are only
/// there for its width. Lines of a list keep their own line.
fn tidy(comment: &str) -> String {
    let mut out = String::with_capacity(comment.len());
    let mut fresh = true;
    for line in comment.lines() {
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        let item = line.trim_start().starts_with(['-', '*', '|']) || line.starts_with("    ");
        match (line.is_empty(), fresh) {
            (true, true) => {}
            (true, false) => {
                out.push_str("\n\n");
                fresh = true;
            }
            (false, true) => {
                out.push_str(line);
                fresh = false;
            }
            (false, false) => {
                out.push(if item { '\n' } else { ' ' });
                out.push_str(if item { line } else { line.trim_start() });
            }
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn paragraphs_and_lists_are_kept() {
        assert_eq!(tidy(" One\n two.\n\n Three:\n - a\n - b\n   c\n"), "One two.\n\nThree:\n- a\n- b c");
        assert_eq!(tidy("\n\n"), "");
    }
}
