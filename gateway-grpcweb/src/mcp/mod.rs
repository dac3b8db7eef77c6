//! The Model Context Protocol over streamable HTTP: the methods of the contracts as tools.
//!
//! Every request stands alone: there are no sessions, and nothing is kept but what callers may do,
//! for seconds. A tool is called with the caller's own token, so that the service decides, and its
//! call passes the edge like any other: it has its method's limits, its line in the access log and
//! its place in the metrics.

mod call;
mod grants;
mod tools;

use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response};
use rmcp::RoleServer;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

pub(crate) use grants::GrantCache;
pub(crate) use tools::Tools;

use crate::edge::auth::Caller;
use crate::edge::record::Record;
use crate::options::{McpOptions, Origins};
use crate::snapshot::Snapshot;
use crate::{Body, Gateway};

/// Tools told in one answer; callers ask for the next ones.
const PAGE: usize = 100;

/// Whether the path is that of the server.
pub(crate) fn is_path(path: &str) -> bool {
    path == "/mcp"
}

/// Answers one request.
pub(crate) async fn serve(
    gateway: &Gateway,
    options: &McpOptions,
    record: &Record,
    request: Request<Body>,
) -> Response<Body> {
    let handler = Handler {
        gateway: gateway.clone(),
        options: options.clone(),
        snapshot: record.snapshot.clone(),
        caller: record.caller.clone(),
        peer: record.peer,
    };
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(gateway.options().max_request)
        // A gateway has many names. A page that reaches it by a rebound name still tells its own origin.
        .disable_allowed_hosts()
        .with_allowed_origins(origins(&gateway.options().origins))
        .enforce_origin_validation();
    let service = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    service.handle(request).await.map(Body::new)
}

/// The pages that may call, with their ports. Where any page may call the API, still only those of
/// the same machine may use tools.
fn origins(origins: &Origins) -> Vec<String> {
    match origins {
        Origins::None => Vec::new(),
        Origins::Any => ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .flat_map(|host| [format!("http://{host}:*"), format!("https://{host}:*")])
            .collect(),
        Origins::List(list) => list.iter().map(|origin| with_port(origin)).collect(),
    }
}

fn with_port(origin: &str) -> String {
    let Some((scheme, authority)) = origin.split_once("://") else { return origin.to_owned() };
    let host = authority.rsplit_once(']').map_or(authority, |(_, behind)| behind);
    match scheme {
        _ if host.contains(':') => origin.to_owned(),
        "https" => format!("{origin}:443"),
        "http" => format!("{origin}:80"),
        _ => origin.to_owned(),
    }
}

#[derive(Clone)]
struct Handler {
    gateway: Gateway,
    options: McpOptions,
    snapshot: Arc<Snapshot>,
    /// Who asks, as the edge let them in, and from where.
    caller: Option<Caller>,
    peer: Option<IpAddr>,
}

impl Handler {
    fn tools(&self) -> &Tools {
        self.snapshot.described.tools(&self.snapshot)
    }

    /// The services that the caller or the operator has chosen. None: all of them.
    fn chosen(&self, head: Option<&Parts>) -> Vec<String> {
        let query = head.and_then(|head| head.uri.query()).unwrap_or_default();
        let pairs = crate::query::parse(query).unwrap_or_default();
        let asked =
            pairs.iter().filter(|(name, _)| name == "services").flat_map(|(_, value)| value.split(','));
        let asked: Vec<_> = asked.map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
        // A caller narrows what the operator offers.
        if asked.is_empty() { self.options.services.clone() } else { asked }
    }

    fn offers(&self, service: &str, chosen: &[String]) -> bool {
        let any = |list: &[String]| list.is_empty() || list.iter().any(|one| tools::is_within(service, one));
        any(&self.options.services) && any(chosen)
    }
}

fn head(context: &RequestContext<RoleServer>) -> Option<&Parts> {
    context.extensions.get::<Parts>()
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let name = self.gateway.options().title.clone();
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(name, env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Each tool is one method of the API; its arguments and answers are proto3 JSON. 64-bit numbers are strings. \
                 Lists come in pages: pass nextPageToken as pageToken. Methods that take requestId may be repeated \
                 safely with the same UUID. Errors name the field at fault.",
            )
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let head = head(&context);
        let grants = match head {
            Some(head) => grants::of(self, &head.headers).await,
            None => Ok(grants::Grants::Nobody),
        };
        let grants = grants.map_err(|error| ErrorData::invalid_request(error.message, None))?;
        let chosen = self.chosen(head);
        let start = match request.and_then(|request| request.cursor) {
            Some(cursor) => cursor
                .parse()
                .map_err(|_| ErrorData::invalid_params("cursor: it is none of this server's", None))?,
            None => 0,
        };
        let mut fit = self
            .tools()
            .all()
            .enumerate()
            .skip(start)
            .filter(|(_, tool)| self.offers(&tool.service, &chosen) && grants.cover(&tool.need));
        let tools: Vec<Tool> = fit.by_ref().take(PAGE).map(|(_, tool)| tool.tool.clone()).collect();
        // The place of the next tool among all: it stays when others come to be covered.
        let next_cursor = fit.next().map(|(at, _)| at.to_string());
        Ok(ListToolsResult { tools, next_cursor, ..ListToolsResult::default() })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let head = head(&context);
        let chosen = self.chosen(head);
        let tool = self.tools().find(&request.name).filter(|tool| self.offers(&tool.service, &chosen));
        let Some(tool) = tool else {
            return Err(ErrorData::invalid_params(format!("there is no tool {:?}", request.name), None));
        };
        let headers = head.map(|head| head.headers.clone()).unwrap_or_default();
        let arguments = serde_json::to_vec(&request.arguments.unwrap_or_default())
            .map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
        let result = match self.call(&tool.path, headers, arguments).await {
            Ok(json) => success(&json),
            Err(error) => {
                let mut text = Vec::new();
                error.write_json(&mut text, &self.snapshot);
                CallToolResult::error(vec![ContentBlock::text(String::from_utf8_lossy(&text).into_owned())])
            }
        };
        Ok(result.into())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools().find(name).map(|tool| tool.tool.clone())
    }
}

/// The answer as text for models, and as JSON for programs.
fn success(json: &[u8]) -> CallToolResult {
    let text = String::from_utf8_lossy(json).into_owned();
    let structured = serde_json::from_str(&text).ok().filter(serde_json::Value::is_object);
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = structured;
    result
}
