//! Requests that were answered before: they are looked for, and not carried out again.

use std::collections::HashMap;

use kit::{Error, Result};
use uuid::Uuid;

use super::Cx;
use crate::call::Found;
use crate::conflict;

impl Cx {
    /// Fails when the request was answered before, which is looked for once, inside the open transaction.
    pub(super) async fn refuse_if_answered(&mut self) -> Result<()> {
        if let Some(id) = self.unasked.filter(|_| self.tenant().is_ok()) {
            self.found = self.first_answers(vec![id]).await?.remove(&id);
            self.unasked = None;
        }
        match &self.found {
            Some(_) => Err(answered_before()),
            None => Ok(()),
        }
    }

    /// The first answers to those of these requests that were answered.
    pub(crate) async fn first_answers(&mut self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Found>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        if self.transaction.is_none() {
            self.transaction = Some(self.begin().await?);
        }
        let connection = &mut **self.transaction.as_mut().expect("it was opened above");
        // One by one inside: for `any` the plan may read the whole table, which was small when it was planned.
        let query = sqlx::query_as::<_, (Uuid, String, Vec<u8>, Vec<u8>)>(
            "select wanted.id, method, request_hash, response from unnest($1::uuid[]) as wanted (id) cross join lateral (
                 select method, request_hash, response from tessera.idempotency where request_id = wanted.id limit 1
             ) as found",
        );
        let rows = query.bind(ids).fetch_all(connection).await.map_err(conflict::map)?;
        let found = |(id, method, hash, response)| (id, Found { method, hash, response });
        Ok(rows.into_iter().map(found).collect())
    }
}

/// Ends a handler whose request has its first answer already; no caller sees it.
pub(super) fn answered_before() -> Error {
    Error::internal("the request was answered before")
}
