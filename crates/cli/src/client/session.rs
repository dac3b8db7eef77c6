//! Tokens: taken from where they are kept, renewed when they run out.

use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::{LoginRequest, RefreshTokenRequest};
use kit::{Clock as _, SystemClock};
use time::Duration;
use tokio::sync::Mutex;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::client::profile::{self, DEMO_EMAIL, Profile};
use crate::failure::Failure;

/// An access token that runs out sooner is renewed before it is sent.
const MARGIN: Duration = Duration::seconds(30);

/// Whose calls they are.
pub struct Session {
    channel: Channel,
    holder: Mutex<Holder>,
}

enum Holder {
    Nobody,
    Token(String),
    Profile(Box<Profile>),
}

impl Session {
    /// Calls without a token.
    pub fn nobody(channel: Channel) -> Self {
        Self { channel, holder: Mutex::new(Holder::Nobody) }
    }

    /// A token from outside, which cannot be renewed here.
    pub fn with_token(channel: Channel, token: String) -> Self {
        Self { channel, holder: Mutex::new(Holder::Token(token)) }
    }

    /// The stored login.
    pub fn with_profile(channel: Channel, profile: Profile) -> Self {
        Self { channel, holder: Mutex::new(Holder::Profile(Box::new(profile))) }
    }

    /// The token to send, renewed if it is about to run out. None: send none.
    pub async fn token(&self) -> Result<Option<String>, Status> {
        let mut holder = self.holder.lock().await;
        match &mut *holder {
            Holder::Nobody => Ok(None),
            Holder::Token(token) => Ok(Some(token.clone())),
            Holder::Profile(profile) => {
                if profile.access_expire_time - MARGIN <= SystemClock.now() {
                    **profile = renewed(&self.channel, profile).await?;
                }
                Ok(Some(profile.access_token.clone()))
            }
        }
    }

    /// Renews a token that was refused, unless that has been done. False: there is nothing to renew with.
    pub async fn renew(&self, refused: &str) -> Result<bool, Status> {
        let mut holder = self.holder.lock().await;
        let Holder::Profile(profile) = &mut *holder else { return Ok(false) };
        if profile.access_token == refused {
            **profile = renewed(&self.channel, profile).await?;
        }
        Ok(true)
    }
}

/// The login with fresh tokens, stored.
async fn renewed(channel: &Channel, old: &Profile) -> Result<Profile, Status> {
    let internal = |failure: Failure| Status::unknown(failure.message());
    // A refresh token works once: whoever comes second uses what the first one got.
    let lock = tokio::task::spawn_blocking(Profile::lock).await;
    let _lock = lock.map_err(|error| Status::unknown(error.to_string()))?.map_err(internal)?;
    let stored = Profile::load().map_err(internal)?.filter(|stored| stored.email == old.email);
    let current = stored.unwrap_or_else(|| old.clone());
    if current.access_token != old.access_token && current.access_expire_time - MARGIN > SystemClock.now() {
        return Ok(current);
    }
    let request = RefreshTokenRequest { refresh_token: current.refresh_token.clone() };
    let answer = AuthServiceClient::new(channel.clone()).refresh_token(request).await;
    let fresh = match answer {
        Ok(answer) => {
            let tokens = answer.into_inner().tokens;
            current.with_tokens(tokens.ok_or_else(|| Status::unknown("the answer has no tokens"))?)
        }
        // The database behind the demo login may have been made anew.
        Err(status) if current.demo && status.code() != Code::Unavailable => {
            let password = profile::demo_password().map_err(internal)?.ok_or(status)?;
            let fresh = log_in(channel.clone(), &current.address, DEMO_EMAIL, &password, "demo").await?;
            Profile { demo: true, ..fresh }
        }
        Err(status) => return Err(reached(status)),
    };
    fresh.save().map_err(internal)?;
    Ok(fresh)
}

/// The status, or in plain words that nobody answers: tonic says `tcp connect error`.
pub fn reached(status: Status) -> Status {
    use tonic_types::StatusExt as _;
    let is_of_suite = status.get_error_details().error_info().is_some();
    match status.code() {
        Code::Unavailable if !is_of_suite => {
            Status::unavailable("the suite cannot be reached at this address")
        }
        _ => status,
    }
}

/// Signs in; the login is not stored.
pub async fn log_in(
    channel: Channel,
    address: &str,
    email: &str,
    password: &str,
    tenant: &str,
) -> Result<Profile, Status> {
    let request = LoginRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        tenant_slug: tenant.to_owned(),
    };
    let answer = AuthServiceClient::new(channel).login(request).await.map_err(reached)?.into_inner();
    let tokens = answer.tokens.ok_or_else(|| Status::unknown("the answer has no tokens"))?;
    let profile = Profile {
        address: address.to_owned(),
        tenant: answer.tenant.map(|tenant| tenant.slug).unwrap_or_default(),
        email: email.to_owned(),
        access_token: String::new(),
        access_expire_time: time::OffsetDateTime::UNIX_EPOCH,
        refresh_token: String::new(),
        demo: false,
    };
    Ok(profile.with_tokens(tokens))
}
