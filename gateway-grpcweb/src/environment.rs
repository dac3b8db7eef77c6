//! What the environment tells a gateway, in its own process or in one with the services;
//! `docs/gateway-operations.md` lists the variables.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::{AuthOptions, KeySet, LimitOptions, McpOptions, Networks, Options, Origins, Plans};

/// Where variables are looked up.
pub struct Environment(Box<Find>);

type Find = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Variables from elsewhere.
    pub fn new(find: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Box::new(find))
    }

    /// A variable that is set to something.
    pub fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|text| !text.is_empty())
    }

    /// The same, read.
    ///
    /// # Errors
    /// Names the variable that cannot be read.
    pub fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        read(&text).map(Some).map_err(|why| format!("{name}: {why}"))
    }

    /// A number.
    ///
    /// # Errors
    /// Names the variable that is none.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        self.read(name, |text| text.parse().map_err(|_| format!("{text:?} is no number that fits")))
    }

    /// A time in milliseconds, put in the place of the one that is there.
    ///
    /// # Errors
    /// Names the variable that is none.
    pub fn millis(&self, name: &str, place: &mut Duration) -> Result<(), String> {
        if let Some(millis) = self.number(name)? {
            *place = Duration::from_millis(millis);
        }
        Ok(())
    }

    /// These options, but for what a variable says otherwise.
    ///
    /// # Errors
    /// Names the variable that cannot be read.
    pub fn options(&self, usual: Options) -> Result<Options, String> {
        let mut options = usual;
        if let Some(origins) = self.text("TESSERA_CORS_ORIGINS") {
            options.origins = Origins::parse(&origins);
        }
        self.millis("TESSERA_GATEWAY_TIMEOUT_MS", &mut options.timeout)?;
        self.millis("TESSERA_GATEWAY_MAX_TIMEOUT_MS", &mut options.max_timeout)?;
        self.millis("TESSERA_GATEWAY_HEADER_TIME_MS", &mut options.header_time)?;
        self.millis("TESSERA_GATEWAY_IDLE_MS", &mut options.idle)?;
        self.millis("TESSERA_GATEWAY_DRAIN_WAIT_MS", &mut options.drain_wait)?;
        self.millis("TESSERA_GATEWAY_DRAIN_MS", &mut options.drain)?;
        let count = |name: &str, place: &mut usize| -> Result<(), String> {
            *place = self.number(name)?.unwrap_or(*place);
            Ok(())
        };
        count("TESSERA_GATEWAY_MAX_BODY", &mut options.max_request)?;
        count("TESSERA_GATEWAY_MAX_CONNECTIONS", &mut options.max_connections)?;
        count("TESSERA_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS", &mut options.max_connections_per_address)?;
        if let Some(bytes) = self.number("TESSERA_GATEWAY_CACHE_BYTES")? {
            options.cache_bytes = bytes;
        }
        if let Some(networks) = self.read("TESSERA_TRUSTED_PROXIES", Networks::parse)? {
            options.trusted_proxies = networks;
        }
        options.docs = self.is_on("TESSERA_DOCS")?.unwrap_or(options.docs);
        match self.text("TESSERA_CONSOLE").as_deref() {
            Some("off") => options.console = None,
            Some(folder) => options.console = Some(PathBuf::from(folder)),
            None => {}
        }
        if let Some(title) = self.text("TESSERA_API_TITLE") {
            options.title = title;
        }
        options.mcp = self.mcp(options.mcp)?;
        options.auth = self.auth(options.auth)?;
        options.limits = self.limits(options.limits)?;
        Ok(options)
    }

    /// Reads a switch.
    fn is_on(&self, name: &str) -> Result<Option<bool>, String> {
        self.read(name, |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(format!("must be `on` or `off`, not {other:?}")),
        })
    }

    /// The usual options of what a switch may turn off, or on where it is off.
    fn switched<T>(&self, name: &str, usual: Option<T>, on: impl FnOnce() -> T) -> Result<Option<T>, String> {
        Ok(match self.is_on(name)? {
            Some(false) => None,
            Some(true) => Some(usual.unwrap_or_else(on)),
            None => usual,
        })
    }

    /// How methods are offered as tools.
    fn mcp(&self, usual: Option<McpOptions>) -> Result<Option<McpOptions>, String> {
        let Some(mut options) = self.switched("TESSERA_MCP", usual, McpOptions::default)? else {
            return Ok(None);
        };
        if let Some(services) = self.text("TESSERA_MCP_SERVICES") {
            let services = services.split(',').map(str::trim).filter(|one| !one.is_empty());
            options.services = services.map(str::to_owned).collect();
        }
        if let Some(permissions) = self.text("TESSERA_MCP_PERMISSIONS") {
            options.permissions = permissions;
        }
        Ok(Some(options))
    }

    /// How callers are known.
    fn auth(&self, usual: Option<AuthOptions>) -> Result<Option<AuthOptions>, String> {
        let Some(mut auth) = self.switched("TESSERA_AUTH", usual, AuthOptions::default)? else {
            return Ok(None);
        };
        if let Some(method) = self.text("TESSERA_JWKS_METHOD") {
            auth.keys = KeySet::Method(method);
        }
        let uri = |text: &str| text.parse().map_err(|_| format!("{text:?} is no address"));
        if let Some(uri) = self.read("TESSERA_JWKS_URL", uri)? {
            auth.keys = KeySet::Url(uri);
        }
        if let Some(issuer) = self.text("TESSERA_TOKEN_ISSUER") {
            auth.issuer = issuer;
        }
        if let Some(audience) = self.text("TESSERA_TOKEN_AUDIENCE") {
            auth.audience = audience;
        }
        match self.text("TESSERA_API_KEY_METHOD") {
            Some(off) if off == "off" => auth.api_keys = None,
            Some(method) => auth.api_keys = Some(method),
            None => {}
        }
        Ok(Some(auth))
    }

    /// How often callers may call.
    fn limits(&self, usual: Option<LimitOptions>) -> Result<Option<LimitOptions>, String> {
        let Some(mut limits) = self.switched("TESSERA_LIMITS", usual, || LimitOptions::usual(None))? else {
            return Ok(None);
        };
        match self.text("TESSERA_PLANS").as_deref() {
            Some("off") => limits.plans = None,
            _ => limits.plans = self.read("TESSERA_PLANS", Plans::parse)?.or(limits.plans),
        }
        match self.text("TESSERA_ADDRESS_LIMIT").as_deref() {
            Some("off") => limits.address = None,
            _ => limits.address = self.number("TESSERA_ADDRESS_LIMIT")?.or(limits.address),
        }
        limits.redis = self.text("TESSERA_REDIS_URL").or(limits.redis);
        Ok(Some(limits))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Variables hold secrets.
        f.write_str("Environment")
    }
}
