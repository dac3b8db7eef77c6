//! The contracts as pages for people: one a domain, the matrix of permissions, the catalogue of events.
//! They are written from comments and options alone, so that they can't say anything else than the
//! contracts.

mod domain;
mod events;
mod fields;
mod markdown;
mod permissions;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::mesh::Mesh;
use crate::{Tree, tree};

/// The first line of every page.
const HEAD: &str = "<!-- Written by `inspect docs` from proto/: change the contract, not this page. -->\n\n";

/// All pages by the names of their files.
pub fn pages(tree: &Tree, mesh: &Mesh) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let domains: BTreeSet<String> =
        tree.files().map(|file| tree::domain(file.package_name()).to_owned()).collect();
    for name in &domains {
        pages.insert(domain::file(name), domain::page(tree, name));
    }
    pages.insert("events.md".to_owned(), events::page(tree, mesh));
    pages.insert("permissions.md".to_owned(), permissions::page(tree, mesh));
    pages.insert("README.md".to_owned(), index(tree, &domains));
    pages.into_iter().map(|(name, text)| (name, format!("{HEAD}{}\n", text.trim_end()))).collect()
}

/// Writes the pages, and removes pages of domains that are gone.
pub fn write(pages: &BTreeMap<String, String>, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for old in foreign(pages, folder)? {
        fs::remove_file(folder.join(old))?;
    }
    for (name, text) in pages {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Tells which pages are not as they should be; true when all are.
pub fn compare(pages: &BTreeMap<String, String>, folder: &Path) -> Result<bool> {
    let differs =
        |(name, text): &(&String, &String)| fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text);
    let mut wrong: Vec<String> = pages.iter().filter(differs).map(|(name, _)| name.clone()).collect();
    wrong.extend(foreign(pages, folder)?);
    for name in &wrong {
        println!("{}: is not what the contracts say: run `make docs`", folder.join(name).display());
    }
    Ok(wrong.is_empty())
}

/// Pages that are there and should not be.
fn foreign(pages: &BTreeMap<String, String>, folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") && !pages.contains_key(&name) {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn index(tree: &Tree, domains: &BTreeSet<String>) -> String {
    let mut page =
        "# The contracts\n\nWhat every service offers, as the files in `proto/` say it.\n\n".to_owned();
    page.push_str("| domain | resources | methods | events |\n| --- | --- | --- | --- |\n");
    for name in domains {
        page.push_str(&domain::summary(tree, name));
    }
    page.push_str("\n- [Who may call what](permissions.md)\n- [Which events there are](events.md)\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn every_method_field_reason_and_event_is_on_a_page() {
        // What is missing here is missing for whoever only reads the pages.
        let tree = Tree::find(&testing::proto_dir()).unwrap();
        let pages = pages(&tree, &Mesh::default());
        let all: String = pages.values().map(String::as_str).collect();
        for method in tree.methods() {
            assert!(all.contains(&format!("#### {}\n", method.name())), "{}", method.full_name());
            assert!(
                pages["permissions.md"].contains(&format!("`{}`", method.name())),
                "{}",
                method.full_name()
            );
        }
        for message in tree.messages() {
            let page = &pages[&domain::file(tree::domain(message.package_name()))];
            assert!(page.contains(&format!(" {}\n", markdown::title(&message))), "{}", message.full_name());
        }
        for value in tree.enums().flat_map(|declared| declared.values().collect::<Vec<_>>()) {
            assert!(all.contains(&format!("`{}`", value.name())), "{}", value.full_name());
        }
        assert!(pages.values().all(|page| page.starts_with("<!-- Written by")));
    }

    #[test]
    fn no_link_leads_nowhere() {
        // A page that moves must take its links along.
        let pages = pages(&Tree::find(&testing::proto_dir()).unwrap(), &Mesh::default());
        for (name, page) in &pages {
            for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if file.is_empty() { name.as_str() } else { file };
                let target = pages.get(target).unwrap_or_else(|| panic!("{name}: {link}"));
                let heads = target.lines().filter(|line| line.starts_with('#'));
                let found = heads
                    .map(|line| line.trim_start_matches(['#', ' ']).to_lowercase())
                    .any(|head| head == anchor);
                assert!(anchor.is_empty() || found, "{name}: {link}");
            }
        }
    }

    #[test]
    fn a_page_that_was_touched_is_told() {
        // CI must notice a contract that changed without its pages, and a page that lost its contract.
        let folder = tempfile::tempdir().unwrap();
        let tree = testing::tree("// A thing.\nmessage Thing {}");
        let pages = pages(&tree, &Mesh::default());
        write(&pages, folder.path()).unwrap();
        assert!(compare(&pages, folder.path()).unwrap());
        std::fs::write(folder.path().join("test.md"), "mine").unwrap();
        assert!(!compare(&pages, folder.path()).unwrap());
        std::fs::write(folder.path().join("gone.md"), "old").unwrap();
        write(&pages, folder.path()).unwrap();
        assert!(compare(&pages, folder.path()).unwrap() && !folder.path().join("gone.md").exists());
    }
}
