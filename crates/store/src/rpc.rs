//! What generated code gives the engine for every gRPC service.

use crate::Env;

/// A gRPC service that can be mounted: its contract joined to the code that decides.
pub trait Rpc: Send + 'static {
    /// Full name of the gRPC service: `erp.crm.v1.AccountService`.
    fn name(&self) -> &'static str;

    /// The methods with what is needed to call them.
    fn methods(&self) -> &'static [Method];

    /// Adds the service to the routes of a server.
    fn mount(self: Box<Self>, env: Env, routes: &mut tonic::service::RoutesBuilder);
}

/// One method of a contract.
#[derive(Debug)]
pub struct Method {
    /// `/erp.crm.v1.AccountService/CreateAccount`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it takes a `request_id`, which is to say that it writes.
    pub mutating: bool,
    /// Permissions that fields of its answer ask for, beside the method's own.
    pub read_permissions: &'static [&'static str],
}

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Callers who hold the permission.
    Permission(&'static str),
    /// Everybody, without a token.
    Public,
    /// Every signed-in caller.
    Authenticated,
}

/// The service of a resource that needs no code: every method is a standard one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard;
