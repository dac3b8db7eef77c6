//! Who may call what: the roles that come with a tenant and the services' own identities against all methods.

use super::domain;
use super::markdown::{code, head, row};
use crate::mesh::{Mesh, covers};
use crate::options::Access;
use crate::{Tree, options, tree};

/// The page with the matrix.
pub fn page(tree: &Tree, mesh: &Mesh) -> String {
    let mut page = "# Who may call what\n\nTenants make roles of their own out of these permissions. Every \
        tenant begins with the roles below; a service acts as itself while it reacts to an event.\n\n"
        .to_owned();
    page.push_str(&head(["who", "for", "holds", "said in"]));
    for role in &mesh.role {
        page.push_str(&row([
            format!("role {}", code(&role.name)),
            role.description.clone(),
            code(&role.permissions.join(", ")),
            code("services/identity/roles.toml"),
        ]));
    }
    for service in mesh.service.iter().filter(|service| !service.calls.is_empty()) {
        let source = format!("services/{}/src/lib.rs", service.name);
        page.push_str(&row([
            format!("service {}", code(&service.name)),
            "itself".to_owned(),
            code(&service.calls.join(", ")),
            code(&source),
        ]));
    }
    page.push('\n');
    for name in domain::names(tree) {
        let rows = rows(tree, mesh, &name);
        if !rows.is_empty() {
            let title = if name.is_empty() { "common" } else { &name };
            page.push_str(&format!(
                "## {title}\n\n{}{rows}\n",
                head(["service", "method", "needs", "roles", "services"])
            ));
        }
    }
    page
}

fn rows(tree: &Tree, mesh: &Mesh, domain: &str) -> String {
    let mut methods: Vec<_> = tree
        .methods()
        .filter(|method| tree::domain(method.parent_service().package_name()) == domain)
        .collect();
    methods.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    let rows = methods.iter().map(|method| {
        let (needs, roles, services) = match options::access(method) {
            Some(Access::Permission(name)) => {
                let (roles, services) = holders(mesh, &name);
                (code(&name), roles, services)
            }
            Some(Access::Authenticated) => ("signing in".to_owned(), "all".to_owned(), "all".to_owned()),
            Some(Access::Public) => ("nothing".to_owned(), "all".to_owned(), "all".to_owned()),
            None => ("cannot be called".to_owned(), String::new(), String::new()),
        };
        row([code(method.parent_service().name()), code(method.name()), needs, roles, services])
    });
    rows.collect()
}

/// The roles and the services that hold a permission.
fn holders(mesh: &Mesh, wanted: &str) -> (String, String) {
    let holds = |permissions: &[String]| permissions.iter().any(|held| covers(held, wanted));
    let roles = mesh.role.iter().filter(|role| holds(&role.permissions)).map(|role| role.name.as_str());
    let services =
        mesh.service.iter().filter(|service| holds(&service.calls)).map(|service| service.name.as_str());
    (roles.collect::<Vec<_>>().join(", "), services.collect::<Vec<_>>().join(", "))
}
