use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::role_service_client::RoleServiceClient;
use contracts::identity::v1::tenant_service_client::TenantServiceClient;
use contracts::identity::v1::user_service_client::UserServiceClient;
use contracts::identity::v1::{
    CreateRoleRequest, CreateUserRequest, DeleteRoleRequest, DeleteUserRequest, GetCurrentUserRequest,
    GetTenantRequest, IdentityReason, ListPermissionsRequest, ListRolesRequest, Role, Tenant,
    UpdateRoleRequest, UpdateTenantRequest, User,
};
use kit::Code;
use testkit::{Mesh, Party};

use crate::support::{PASSWORD, events, refusal};

fn role(name: &str, permissions: &[&str]) -> Role {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    Role { name: name.to_owned(), permissions, ..Role::default() }
}

fn creation(role: Role) -> CreateRoleRequest {
    CreateRoleRequest { role: Some(role), ..Default::default() }
}

fn change(role: Role) -> UpdateRoleRequest {
    UpdateRoleRequest { role: Some(role), ..Default::default() }
}

fn deletion(role: &Role) -> DeleteRoleRequest {
    DeleteRoleRequest { id: role.id.clone(), ..Default::default() }
}

async fn owner_role(party: &Party) -> Role {
    let all = party.client(RoleServiceClient::new).list_roles(ListRolesRequest::default()).await.unwrap();
    all.into_inner().roles.into_iter().find(|role| role.system).unwrap()
}

#[tokio::test]
async fn the_owners_role_stays_as_it_is() {
    // Every tenant begins with it, and nobody may weaken, rename or remove it, or make another like it.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let mut roles = acme.client(RoleServiceClient::new);
    let owner = owner_role(&acme).await;
    assert_eq!((owner.name.as_str(), owner.permissions.as_slice()), ("owner", ["*".to_owned()].as_slice()));
    let renamed = refusal(roles.update_role(change(Role { name: "boss".to_owned(), ..owner.clone() })).await);
    let removed = refusal(roles.delete_role(deletion(&owner)).await);
    assert!(renamed.is(IdentityReason::RoleSystem) && removed.is(IdentityReason::RoleSystem));
    let system = roles.create_role(creation(Role { system: true, ..role("root", &["*"]) })).await.unwrap();
    assert!(!system.into_inner().system);
    let twice = refusal(roles.create_role(creation(role("Owner", &[]))).await);
    assert_eq!((twice.code(), twice.violations()[0].field.as_str()), (Code::AlreadyExists, "name"));
    mesh.stop().await;
}

#[tokio::test]
async fn a_role_gives_what_its_maker_holds() {
    // Also by a change of a role that the maker holds himself, and only what exists.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let clerk = acme.user_with(&["identity.roles.*", "crm.contacts.read"]).await;
    let mut roles = clerk.client(RoleServiceClient::new);
    let readers =
        roles.create_role(creation(role("readers", &["crm.contacts.read"]))).await.unwrap().into_inner();
    let me = clerk.client(AuthServiceClient::new).get_current_user(GetCurrentUserRequest {}).await.unwrap();
    let own_id = me.into_inner().user.unwrap().role_ids[0].clone();
    let all = roles.list_roles(ListRolesRequest::default()).await.unwrap().into_inner().roles;
    let mut own = all.into_iter().find(|role| role.id == own_id).unwrap();
    own.permissions.push("crm.contacts.write".to_owned());
    let stronger = Role { permissions: vec!["crm.*".to_owned()], ..readers.clone() };
    let refusals = [
        refusal(roles.create_role(creation(role("writers", &["crm.contacts.write"]))).await),
        refusal(roles.update_role(change(stronger)).await),
        refusal(roles.update_role(change(own)).await),
    ];
    for refusal in refusals {
        assert!(refusal.is(IdentityReason::PermissionBeyondOwn), "{refusal}");
    }
    let unknown = refusal(roles.create_role(creation(role("typo", &["crm.contacts.raed"]))).await);
    assert!(unknown.is(IdentityReason::PermissionUnknown), "{unknown}");
    let kept = roles.list_roles(ListRolesRequest::default()).await.unwrap().into_inner().roles;
    let kept = kept.into_iter().find(|role| role.id == readers.id).unwrap();
    assert_eq!(kept, readers);
    mesh.stop().await;
}

#[tokio::test]
async fn a_role_in_use_stays() {
    // Users must not be left with roles that do not exist, nor be given one.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let mut roles = acme.client(RoleServiceClient::new);
    let mut users = acme.client(UserServiceClient::new);
    let readers =
        roles.create_role(creation(role("readers", &["crm.contacts.read"]))).await.unwrap().into_inner();
    let user = |email: &str| CreateUserRequest {
        user: Some(User {
            email: email.to_owned(),
            display_name: "Somebody".to_owned(),
            role_ids: vec![readers.id.clone()],
            ..User::default()
        }),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let bob = users.create_user(user("bob@acme.example")).await.unwrap().into_inner();
    assert!(refusal(roles.delete_role(deletion(&readers)).await).is(IdentityReason::RoleInUse));
    users.delete_user(DeleteUserRequest { id: bob.id, ..Default::default() }).await.unwrap();
    roles.delete_role(deletion(&readers)).await.unwrap();
    let gone = refusal(users.create_user(user("eve@acme.example")).await);
    assert!(gone.is(IdentityReason::RoleUnknown), "{gone}");
    assert_eq!(gone.metadata()["role_id"], readers.id);
    mesh.stop().await;
}

#[tokio::test]
async fn another_tenants_roles_and_users_do_not_exist() {
    // Ids that leak must be worth nothing elsewhere.
    let mesh = Mesh::start(vec![]).await;
    let (acme, bolt) = (mesh.sign_up("acme").await, mesh.sign_up("bolt").await);
    let foreign = owner_role(&acme).await;
    let user = User {
        email: "eve@bolt.example".to_owned(),
        display_name: "Eve".to_owned(),
        role_ids: vec![foreign.id.clone()],
        ..User::default()
    };
    let request = CreateUserRequest { user: Some(user), password: PASSWORD.to_owned(), ..Default::default() };
    let unknown = refusal(bolt.client(UserServiceClient::new).create_user(request).await);
    assert!(unknown.is(IdentityReason::RoleUnknown), "{unknown}");
    let get = GetTenantRequest { id: acme.tenant_id().to_owned() };
    assert_eq!(refusal(bolt.client(TenantServiceClient::new).get_tenant(get).await).code(), Code::NotFound);
    mesh.stop().await;
}

#[tokio::test]
async fn a_tenant_changes_its_name_but_not_its_slug() {
    // Others are told of a change, and of none when nothing changed.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let mut tenants = acme.client(TenantServiceClient::new);
    let renamed = Tenant {
        id: acme.tenant_id().to_owned(),
        slug: "other".to_owned(),
        display_name: "Acme Corporation".to_owned(),
        ..Tenant::default()
    };
    for _ in 0..2 {
        let request = UpdateTenantRequest { tenant: Some(renamed.clone()), ..Default::default() };
        let tenant = tenants.update_tenant(request).await.unwrap().into_inner();
        assert_eq!((tenant.slug.as_str(), tenant.display_name.as_str()), ("acme", "Acme Corporation"));
    }
    assert_eq!(events(&mesh, "tenant.updated").await, 1);
    mesh.stop().await;
}

#[tokio::test]
async fn permissions_are_listed_for_whoever_makes_roles() {
    // By name, with the methods that they open; a stranger learns nothing.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let list = acme.client(AuthServiceClient::new).list_permissions(ListPermissionsRequest {}).await.unwrap();
    let list = list.into_inner().permissions;
    let write = list.iter().find(|permission| permission.name == "identity.roles.write").unwrap();
    assert!(write.methods.contains(&"erp.identity.v1.RoleService/UpdateRole".to_owned()));
    let stranger =
        mesh.stranger().client(AuthServiceClient::new).list_permissions(ListPermissionsRequest {}).await;
    assert_eq!(refusal(stranger).code(), Code::Unauthenticated);
    mesh.stop().await;
}
