//! Records that stand below others of their kind: no rings, and not too deep.

use kit::{Error, Reason, Result, Uuid};
use sqlx::AssertSqlSafe;

use crate::Cx;
use crate::record::Record;
use crate::verbs::parse_id;

impl Cx {
    /// Refuses the place that a record was just given by its `parent_id`; what was written is undone by that.
    /// Fails with `ring` when the record would stand below itself, and naming `field` when there would be more
    /// levels than allowed.
    pub async fn check_place<R: Record>(
        &mut self,
        id: &str,
        field: &str,
        levels_max: i32,
        ring: impl Reason,
    ) -> Result<()> {
        let table = R::table().name;
        let id = parse_id(id, "id")?;
        // One move at a time: two that are each fine could make a ring together.
        let queue =
            "select pg_advisory_xact_lock(hashtextextended($1 || ':' || tessera.current_tenant(), 0))";
        self.execute(sqlx::query(queue).bind(table)).await?;
        // A level more than allowed is enough to see that it is too deep, and ends the walk around a ring.
        let walk = format!(
            "with recursive up (id, level) as (
                 select parent_id, 1 from {table} where id = $1
                 union all
                 select t.parent_id, up.level + 1 from up join {table} t on t.id = up.id where up.level <= $2
             ), down (id, level) as (
                 select $1, 1
                 union all
                 select t.id, down.level + 1 from down join {table} t on t.parent_id = down.id where down.level <= $2
             )
             select (select array_agg(id) from up where id is not null), (select max(level) from down)"
        );
        let walk =
            sqlx::query_as::<_, (Option<Vec<Uuid>>, i32)>(AssertSqlSafe(walk)).bind(id).bind(levels_max);
        let (above, height) = self.row(walk).await?.unwrap_or_default();
        let above = above.unwrap_or_default();
        if above.contains(&id) {
            return Err(ring.into());
        }
        if !fits(above.len(), height, levels_max) {
            return Err(Error::invalid(field, format!("would make more than {levels_max} levels")));
        }
        Ok(())
    }
}

/// Whether a record with so many levels, its own included, may stand below so many others.
fn fits(above: usize, height: i32, levels_max: i32) -> bool {
    i32::try_from(above).unwrap_or(i32::MAX).saturating_add(height) <= levels_max
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn what_hangs_below_counts_too() {
        // A record moved under nine others may bring nothing below it, one moved under eight a single level.
        assert!(fits(9, 1, 10));
        assert!(!fits(10, 1, 10));
        assert!(fits(8, 2, 10));
        assert!(!fits(8, 3, 10));
    }
}
