//! The sessions of whoever asks, to look at and to end.

use contracts::identity::v1::{
    ListSessionsRequest, ListSessionsResponse, RevokeSessionRequest, Session, SessionApi,
};
use kit::{Error, OffsetDateTime, Result, Uuid};
use store::{Cx, ListQuery, Only, Value};

use crate::auth::user_of;
use crate::sessions;

/// The order of those who ask for none.
const LAST_USED_FIRST: &str = "last_use_time desc";

/// Answers `SessionService`.
pub struct OwnSessions;

impl SessionApi for OwnSessions {
    async fn list_sessions(&self, cx: &mut Cx, request: ListSessionsRequest) -> Result<ListSessionsResponse> {
        let (user, session) = user_of(cx)?;
        let only = [
            Only { condition: "user_id = {} and end_time is null", value: Value::Uuid(user) },
            Only { condition: "expire_time > {}", value: Value::Timestamp(hour(cx.now())?) },
        ];
        let order_by = if request.order_by.trim().is_empty() { LAST_USED_FIRST } else { &request.order_by };
        let query = ListQuery {
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: &request.filter,
            order_by,
            only: &only,
            ..ListQuery::default()
        };
        let page = cx.list::<Session>(query).await?;
        Ok(ListSessionsResponse {
            sessions: page.items,
            next_page_token: page.next_page_token,
            current_session_id: session.to_string(),
        })
    }

    async fn revoke_session(&self, cx: &mut Cx, request: RevokeSessionRequest) -> Result<Session> {
        let (user, _) = user_of(cx)?;
        let session: Session = cx.lock(&request.id).await?;
        if session.user_id != user.to_string() {
            return Err(Error::not_found("session", &request.id));
        }
        sessions::end(cx, Uuid::parse_str(&session.id).map_err(Error::internal)?).await?;
        cx.get(&session.id).await
    }
}

/// The full hour: what a page asks for must be the same for the next one. A session that has expired since then is
/// worth nothing, and nobody is harmed by still seeing it.
fn hour(now: OffsetDateTime) -> Result<OffsetDateTime> {
    let seconds = now.unix_timestamp();
    OffsetDateTime::from_unix_timestamp(seconds - seconds.rem_euclid(3_600)).map_err(Error::internal)
}
