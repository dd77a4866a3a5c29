//! Records taken out again: those with the key of another one, and those that cannot be (IM-10).

use sqlx::AssertSqlSafe;

use super::asked::TOGETHER;
use super::staging::Staging;
use super::table;
use super::tables::BY_RECORD;
use crate::db::Result;
use crate::incoming::Reject;
use crate::on;

impl Staging {
    /// Takes out up to five hundred records whose key another, earlier one has. Call it until it gives none.
    pub async fn take_repeated(&mut self) -> Result<Vec<Reject>> {
        const ANY: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM seen GROUP BY id, CASE WHEN category < 3 THEN category \
             ELSE 3 END HAVING COUNT(*) > 1 LIMIT 1) s";
        const REPEATED: &str = "SELECT s.record, s.place, s.id, s.category FROM seen s WHERE EXISTS (SELECT 1 FROM seen e \
             WHERE e.id = s.id AND CASE WHEN e.category < 3 THEN e.category ELSE 3 END = CASE WHEN s.category < 3 THEN \
             s.category ELSE 3 END AND (e.category < s.category OR (e.category = s.category AND (e.slice < s.slice OR \
             (e.slice = s.slice AND (e.place < s.place OR (e.place = s.place AND e.record < s.record))))))) ORDER BY s.record LIMIT 500";
        let any: i64 = on!(&mut self.conn, c => sqlx::query_scalar(ANY).fetch_one(&mut **c).await)?;
        if any == 0 {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, i64, String, i64)> =
            on!(&mut self.conn, c => sqlx::query_as(REPEATED).fetch_all(&mut **c).await)?;
        let records: Vec<i64> = rows.iter().map(|row| row.0).collect();
        self.take_out(&records).await?;
        let reason = "another record of the delivery has the same key";
        Ok(rows.iter().map(|(_, place, id, number)| self.rejected(*number, *place, id, reason)).collect())
    }

    /// Takes records out again, with all that hangs on them.
    async fn take_out(&mut self, records: &[i64]) -> Result<()> {
        for some in records.chunks(TOGETHER) {
            for name in BY_RECORD {
                let delete = AssertSqlSafe(format!("DELETE FROM {name} WHERE record IN ({})", marks(some.len())));
                on!(&mut self.conn, c => {
                    let mut query = sqlx::query(delete).persistent(false);
                    for record in some {
                        query = query.bind(record);
                    }
                    query.execute(&mut **c).await.map(drop)
                })?;
            }
        }
        Ok(())
    }

    /// A reject of a record that was staged: `place` is where it stood.
    fn rejected(&self, number: i64, place: i64, id: &str, reason: &str) -> Reject {
        let file = usize::try_from(place >> 40).ok().and_then(|file| self.files.get(file));
        let prefixes = [format!("{}-", self.name), self.prefix()];
        Reject {
            category: table::category(number),
            file: file.map(ToString::to_string).unwrap_or_default(),
            line: u64::try_from(place & ((1 << 40) - 1)).unwrap_or(0),
            key: prefixes.iter().find_map(|prefix| id.strip_prefix(prefix.as_str())).map(str::to_owned),
            reason: reason.to_owned(),
        }
    }

    /// Takes out what cannot be: adults of more pupils than a school has, parents younger than their children (IM-10).
    pub async fn take_absurd(&mut self) -> Result<Vec<Reject>> {
        const CROWDED: &str = "SELECT s.record, s.place, s.id, s.category FROM seen s WHERE s.category = 3 AND s.id IN \
             (SELECT guardian FROM staged_guardianships GROUP BY guardian HAVING COUNT(*) > 1000) LIMIT 500";
        const YOUNGER: &str = "SELECT s.record, s.place, s.id, s.category FROM seen s WHERE s.category = 3 AND s.id IN \
             (SELECT a.id FROM staged_persons a JOIN staged_guardianships g ON g.guardian = a.id JOIN staged_persons c ON \
             c.id = g.student WHERE a.birth_date IS NOT NULL AND a.kind = 'guardian' AND g.link <> 70 AND \
             a.birth_date >= c.birth_date) LIMIT 500";
        const DATED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM staged_persons WHERE kind = 'guardian' AND birth_date IS \
             NOT NULL LIMIT 1) d";
        let mut rejects = Vec::new();
        // Of every delivery seen, no adult had a birth date.
        let dated = self.count(DATED).await? > 0;
        for (sql, reason) in [
            (CROWDED, "more than 1000 pupils name this adult"),
            (YOUNGER, "this adult would not be older than the child"),
        ] {
            if sql == YOUNGER && !dated {
                continue;
            }
            let rows: Vec<(i64, i64, String, i64)> =
                on!(&mut self.conn, c => sqlx::query_as(sql).fetch_all(&mut **c).await)?;
            let records: Vec<i64> = rows.iter().map(|row| row.0).collect();
            self.take_out(&records).await?;
            for (_, place, id, number) in &rows {
                let relations = "DELETE FROM staged_guardianships WHERE guardian = $1";
                on!(&mut self.conn, c => sqlx::query(relations).bind(id).execute(&mut **c).await.map(drop))?;
                let spare = "INSERT INTO spared (category, id) VALUES ($1, $2)";
                on!(&mut self.conn, c => sqlx::query(spare).bind(number).bind(id).execute(&mut **c).await.map(drop))?;
                rejects.push(self.rejected(*number, *place, id, reason));
            }
        }
        Ok(rejects)
    }
}

/// `$1, $2, ...`
fn marks(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
