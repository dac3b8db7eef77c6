//! The release as it was pushed: the same programs, each image by the registry and the digest that it has there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::manifest::{Faults, is_digest};
use crate::{Error, Release};

impl Release {
    /// This release with the images that were pushed, each a line like `registry.example/tessera/crm@sha256:...`; faults
    /// are told with the path of those lines. Refused unless each program has exactly one, all in one registry: half a
    /// release that is pinned would go out with whatever the tags of the other half name that day.
    pub fn pin(mut self, path: &Path, images: &str) -> Result<Self, Error> {
        let mut faults = Faults::of(path);
        let mut digests: BTreeMap<&str, &str> = BTreeMap::new();
        let mut registry = None;
        for image in images.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let parts = image.split_once('@').filter(|(_, digest)| is_digest(digest));
            let Some(((place, name), digest)) =
                parts.and_then(|(named, digest)| Some((named.rsplit_once('/')?, digest)))
            else {
                faults.add(image, "is no image with a digest of sha256");
                continue;
            };
            if !self.services.contains_key(name) {
                faults.add(image, format!("there is no service `{name}` in this release"));
            }
            if digests.insert(name, digest).is_some() {
                faults.add(image, format!("is another image of `{name}`"));
            }
            if *registry.get_or_insert(place) != place {
                faults.add(image, "is in another registry than those before");
            }
        }
        for (name, part) in &mut self.services {
            part.digest = digests.get(name.as_str()).map(|digest| (*digest).to_owned());
            if part.digest.is_none() {
                faults.add(name, "has no image");
            }
        }
        if let Some(registry) = registry {
            registry.clone_into(&mut self.registry);
        }
        faults.none_or(self)
    }

    /// The release as a file.
    pub fn to_yaml(&self) -> String {
        let mut text = format!("version: {}\nregistry: {}\nservices:\n", self.version, self.registry);
        for (name, part) in &self.services {
            let needs: Vec<&str> = part.needs.iter().map(String::as_str).collect();
            // Writing to a text cannot fail.
            let _ = writeln!(text, "  {name}:\n    version: {}", part.version);
            if let Some(digest) = &part.digest {
                let _ = writeln!(text, "    digest: {digest}");
            }
            let _ = writeln!(text, "    migrates: {}\n    needs: [{}]", part.migrates, needs.join(", "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        let text = "version: 1.0.0\nregistry: registry.example/tessera\nservices:\n  crm: {version: 1.0.0, migrates: true}\n  \
                    gateway: {version: 1.0.0, needs: [crm]}\n";
        Release::parse(Path::new("r.yaml"), text).unwrap()
    }

    fn pin(images: &str) -> Result<Release, Error> {
        release().pin(Path::new("digests.txt"), images)
    }

    fn image(name: &str, digit: &str) -> String {
        format!("ghcr.io/owner/tessera/{name}@sha256:{}\n", digit.repeat(64))
    }

    #[test]
    fn what_was_pushed_is_what_goes_out() {
        // The file in the repository is older than its images, and names neither their registry nor their digests.
        let pinned = pin(&(image("gateway", "b") + &image("crm", "a"))).unwrap();
        assert_eq!(pinned.image("crm").unwrap(), image("crm", "a").trim());
        assert_eq!(pinned.image("gateway").unwrap(), image("gateway", "b").trim());
        assert_eq!(pinned.stages(), release().stages());
        let read = Release::parse(Path::new("r.yaml"), &pinned.to_yaml()).unwrap();
        assert_eq!(read, pinned, "{}", pinned.to_yaml());
        assert_eq!(Release::parse(Path::new("r.yaml"), &release().to_yaml()).unwrap(), release());
    }

    #[test]
    fn half_a_release_is_none() {
        // What is not named by its digest would be whatever its tag names on that day.
        let said = |images: &str| pin(images).unwrap_err().to_string();
        assert_eq!(said(&image("crm", "a")), "digests.txt: gateway: has no image");
        let both = image("crm", "a") + &image("gateway", "b");
        assert!(said(&(both.clone() + &image("crm", "c"))).contains("is another image of `crm`"));
        assert!(said(&(both.clone() + &image("crn", "c"))).contains("no service `crn`"));
        let moved = both.replace("owner/tessera/gateway", "other/tessera/gateway");
        assert!(said(&moved).contains("is in another registry"));
        // An engine that did not tell the digest.
        assert!(said(&(image("crm", "a") + "ghcr.io/owner/tessera/gateway@\n")).contains("is no image with"));
    }
}
