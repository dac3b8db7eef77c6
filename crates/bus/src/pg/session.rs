//! A consumer's own connection: its locks are its partitions.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::assign::quota;
use super::wake::Waiter;
use super::{Shared, delivery};
use crate::Batch;

/// First keys of the advisory locks: a partition held by a group, a living member.
const PARTITION_LOCK: i32 = 7001;
const MEMBER_LOCK: i32 = 7002;

/// Who asks, for what.
pub(super) struct Membership {
    pub(super) group: String,
    pub(super) topics: Vec<String>,
}

/// A partition that this session holds.
pub(super) struct Held {
    pub(super) topic: String,
    topic_id: i32,
    pub(super) partition: i32,
    /// The offset to read next; with a batch out, where that batch ends.
    position: i64,
    /// Set while a batch is out.
    out: Option<CancellationToken>,
    /// Another member should have it: given back as soon as no batch is out.
    unwanted: bool,
}

/// The connection and what hangs on it. Dropping it frees everything.
pub(super) struct Session {
    conn: PgConnection,
    member: i32,
    /// By the id of the offset row, which is the lock.
    pub(super) held: BTreeMap<i32, Held>,
    next_tick: Instant,
}

/// One partition of the group as the database sees it.
struct Slot {
    id: i32,
    topic_id: i32,
    topic: String,
    partition: i32,
    taken: bool,
}

impl Session {
    /// Connects and enters the group.
    pub(super) async fn open(shared: &Shared, who: &Membership) -> Result<Session, sqlx::Error> {
        let mut conn = PgConnection::connect_with(&shared.options).await?;
        // The row becomes visible with its lock already held, so nobody can take a new member for a dead one.
        let member: i32 = sqlx::query(
            "with me as (insert into bus.members (group_name, topics) values ($1, $2) returning id)
             select id, pg_advisory_lock($3, id) from me",
        )
        .bind(&who.group)
        .bind(&who.topics)
        .bind(MEMBER_LOCK)
        .fetch_one(&mut conn)
        .await?
        .try_get("id")?;
        sqlx::query(
            "delete from bus.members m where group_name = $1 and not exists
               (select from pg_locks l where l.locktype = 'advisory' and l.classid = $2::int4::oid
                and l.objid = m.id::oid and l.objsubid = 2
                and l.database = (select oid from pg_database where datname = current_database()))",
        )
        .bind(&who.group)
        .bind(MEMBER_LOCK)
        .execute(&mut conn)
        .await?;
        shared.wakes.group(&who.group);
        Ok(Session { conn, member, held: BTreeMap::new(), next_tick: Instant::now() })
    }

    /// When the group has to be looked at next.
    pub(super) fn next_tick(&self) -> Instant {
        self.next_tick
    }

    /// One look: shares the partitions when it is time to, then fetches what is there.
    pub(super) async fn look(
        &mut self,
        shared: &Shared,
        who: &Membership,
        waiter: &Waiter,
        max: usize,
    ) -> Result<Vec<Batch>, sqlx::Error> {
        if waiter.members_changed.swap(false, Ordering::AcqRel) || Instant::now() >= self.next_tick {
            self.share(shared, who).await?;
            self.next_tick = Instant::now() + shared.config.tick;
        }
        self.fetch(max).await
    }

    /// Gives back what is above this member's share and takes what is below.
    async fn share(&mut self, shared: &Shared, who: &Membership) -> Result<(), sqlx::Error> {
        let slots = self.slots(who).await?;
        let members: Vec<(i32, Vec<String>)> = sqlx::query_as(
            "select m.id, m.topics from bus.members m join pg_locks l
               on l.locktype = 'advisory' and l.classid = $2::int4::oid and l.objid = m.id::oid and l.objsubid = 2
             where m.group_name = $1 and l.granted
               and l.database = (select oid from pg_database where datname = current_database())",
        )
        .bind(&who.group)
        .bind(MEMBER_LOCK)
        .fetch_all(&mut self.conn)
        .await?;
        let mut give = Vec::new();
        let mut take = Vec::new();
        for topic in &who.topics {
            let slots: Vec<&Slot> = slots.iter().filter(|s| s.topic == *topic).collect();
            let Some(first) = slots.first() else { continue };
            let readers: Vec<i32> =
                members.iter().filter(|(_, t)| t.contains(topic)).map(|(id, _)| *id).collect();
            let quota = quota(first.topic_id, slots.len(), &readers, self.member);
            let kept = self.held.values().filter(|h| h.topic == *topic && !h.unwanted).count();
            if kept > quota {
                give.extend(self.spare(topic, kept - quota));
            } else {
                let free = slots.iter().filter(|s| !s.taken && !self.held.contains_key(&s.id));
                take.extend(
                    free.take(quota - kept).map(|s| (s.id, s.topic_id, s.topic.clone(), s.partition)),
                );
            }
        }
        if !give.is_empty() {
            self.release(&give).await?;
            shared.wakes.group(&who.group);
        }
        self.acquire(take).await
    }

    /// Marks `count` partitions of a topic as unwanted, idle ones first; answers those that can go at once.
    fn spare(&mut self, topic: &str, count: usize) -> Vec<i32> {
        let mut candidates: Vec<(bool, i32)> = self
            .held
            .iter()
            .filter(|(_, h)| h.topic == topic && !h.unwanted)
            .map(|(id, h)| (h.out.is_some(), *id))
            .collect();
        candidates.sort_unstable();
        let mut idle = Vec::new();
        for (_, id) in candidates.into_iter().take(count) {
            let Some(held) = self.held.get_mut(&id) else { continue };
            held.unwanted = true;
            match &held.out {
                Some(revoked) => revoked.cancel(),
                None => idle.push(id),
            }
        }
        idle
    }

    /// Every partition of the subscribed topics, with its offset row made where it is missing.
    async fn slots(&mut self, who: &Membership) -> Result<Vec<Slot>, sqlx::Error> {
        if let Some(slots) = self.known_slots(who).await? {
            return Ok(slots);
        }
        sqlx::query(
            "insert into bus.offsets (group_name, topic_id, partition)
             select $1, p.topic_id, p.partition from bus.partitions p join bus.topics t on t.id = p.topic_id
             where t.name = any($2) and not exists (select from bus.offsets o
                 where o.group_name = $1 and o.topic_id = p.topic_id and o.partition = p.partition)
             order by p.topic_id, p.partition on conflict do nothing",
        )
        .bind(&who.group)
        .bind(&who.topics)
        .execute(&mut self.conn)
        .await?;
        Ok(self.known_slots(who).await?.unwrap_or_default())
    }

    /// `None` when an offset row is missing.
    async fn known_slots(&mut self, who: &Membership) -> Result<Option<Vec<Slot>>, sqlx::Error> {
        let rows = sqlx::query(
            "select o.id, p.topic_id, t.name, p.partition, l.objid is not null as taken
             from bus.topics t join bus.partitions p on p.topic_id = t.id
             left join bus.offsets o on o.group_name = $1 and o.topic_id = t.id and o.partition = p.partition
             left join (select objid from pg_locks where locktype = 'advisory' and classid = $3::int4::oid
               and objsubid = 2 and granted
               and database = (select oid from pg_database where datname = current_database())) l
               on l.objid = o.id::oid
             where t.name = any($2) order by p.topic_id, p.partition",
        )
        .bind(&who.group)
        .bind(&who.topics)
        .bind(PARTITION_LOCK)
        .fetch_all(&mut self.conn)
        .await?;
        let slot = |row: sqlx::postgres::PgRow| {
            let Some(id) = row.try_get("id")? else { return Ok(None) };
            Ok(Some(Slot {
                id,
                topic_id: row.try_get("topic_id")?,
                topic: row.try_get("name")?,
                partition: row.try_get("partition")?,
                taken: row.try_get("taken")?,
            }))
        };
        rows.into_iter().map(slot).collect()
    }

    /// Tries to take partitions; one that another member was quicker to take comes up again at the next tick.
    async fn acquire(&mut self, wanted: Vec<(i32, i32, String, i32)>) -> Result<(), sqlx::Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let ids: Vec<i32> = wanted.iter().map(|w| w.0).collect();
        let locked: Vec<(i32, bool)> =
            sqlx::query_as("select id, pg_try_advisory_lock($1, id) from unnest($2::int4[]) id")
                .bind(PARTITION_LOCK)
                .bind(&ids)
                .fetch_all(&mut self.conn)
                .await?;
        let ids: Vec<i32> = locked.into_iter().filter(|(_, got)| *got).map(|(id, _)| id).collect();
        // Only now: the former holder may have committed until it let go.
        let committed: BTreeMap<i32, i64> =
            sqlx::query_as::<_, (i32, i64)>("select id, committed from bus.offsets where id = any($1)")
                .bind(&ids)
                .fetch_all(&mut self.conn)
                .await?
                .into_iter()
                .collect();
        for (id, topic_id, topic, partition) in wanted {
            if let Some(position) = committed.get(&id).copied() {
                self.held
                    .insert(id, Held { topic, topic_id, partition, position, out: None, unwanted: false });
            }
        }
        Ok(())
    }

    async fn release(&mut self, ids: &[i32]) -> Result<(), sqlx::Error> {
        sqlx::query("select pg_advisory_unlock($1, id) from unnest($2::int4[]) id")
            .bind(PARTITION_LOCK)
            .bind(ids)
            .execute(&mut self.conn)
            .await?;
        self.held.retain(|id, _| !ids.contains(id));
        Ok(())
    }

    /// One batch for every partition that has events and no batch out, in one statement.
    async fn fetch(&mut self, max: usize) -> Result<Vec<Batch>, sqlx::Error> {
        let idle = || self.held.iter().filter(|(_, h)| h.out.is_none() && !h.unwanted);
        let ids: Vec<i32> = idle().map(|(id, _)| *id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(
            "select i.id as held_id, e.* from unnest($1::int4[], $2::int4[], $3::int4[], $4::int8[])
               as i (id, topic_id, partition, position)
             cross join lateral (select * from bus.events e
               where e.topic_id = i.topic_id and e.partition = i.partition and e.log_offset >= i.position
               order by e.log_offset limit $5) e",
        )
        .bind(&ids)
        .bind(idle().map(|(_, h)| h.topic_id).collect::<Vec<_>>())
        .bind(idle().map(|(_, h)| h.partition).collect::<Vec<_>>())
        .bind(idle().map(|(_, h)| h.position).collect::<Vec<_>>())
        .bind(i64::try_from(max).unwrap_or(i64::MAX))
        .fetch_all(&mut self.conn)
        .await?;
        let mut batches: BTreeMap<i32, Batch> = BTreeMap::new();
        for row in rows {
            let id: i32 = row.try_get("held_id")?;
            let Some(held) = self.held.get(&id) else { continue };
            let batch = batches.entry(id).or_insert_with(|| Batch {
                topic: held.topic.clone(),
                partition: held.partition,
                deliveries: Vec::new(),
                revoked: CancellationToken::new(),
            });
            batch.deliveries.push(delivery(&held.topic, &row)?);
        }
        for (id, batch) in &mut batches {
            batch.deliveries.sort_by_key(|d| d.offset);
            if let (Some(held), Some(last)) = (self.held.get_mut(id), batch.deliveries.last()) {
                held.position = last.offset + 1;
                held.out = Some(batch.revoked.clone());
            }
        }
        Ok(batches.into_values().collect())
    }

    /// Stores positions (by lock id), ends their batches and gives back what others wait for.
    pub(super) async fn commit(
        &mut self,
        shared: &Shared,
        who: &Membership,
        done: &[(i32, i64)],
    ) -> Result<(), sqlx::Error> {
        let (ids, next): (Vec<i32>, Vec<i64>) = done.iter().copied().unzip();
        sqlx::query(
            "update bus.offsets o set committed = d.next from unnest($1::int4[], $2::int8[]) as d (id, next)
             where o.id = d.id and o.committed < d.next",
        )
        .bind(&ids)
        .bind(&next)
        .execute(&mut self.conn)
        .await?;
        let mut unwanted = Vec::new();
        for (id, next) in done {
            let Some(held) = self.held.get_mut(id) else { continue };
            held.position = *next;
            held.out = None;
            if held.unwanted {
                unwanted.push(*id);
            }
        }
        if !unwanted.is_empty() {
            self.release(&unwanted).await?;
            shared.wakes.group(&who.group);
        }
        Ok(())
    }

    /// Leaves the group.
    pub(super) async fn leave(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("delete from bus.members where id = $1")
            .bind(self.member)
            .execute(&mut self.conn)
            .await?;
        self.conn.close().await
    }

    /// Tells every handler at work that its partition is gone.
    pub(super) fn revoke_all(&self) {
        for token in self.held.values().filter_map(|h| h.out.as_ref()) {
            token.cancel();
        }
    }
}
