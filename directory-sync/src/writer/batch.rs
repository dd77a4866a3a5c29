//! Many rows at once into one temporary table: `COPY` on PostgreSQL, one statement of a thousand rows on SQLite, as
//! measured the fastest way of each.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use time::Date;

use crate::db::{Conn, Result};

/// Rows in one statement; with 20 columns it stays below SQLite's 32,766 values.
const ROWS: usize = 1_000;

pub(super) enum Value {
    Text(String),
    MaybeText(Option<String>),
    Number(i64),
    Day(Option<Date>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::MaybeText(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<Date>> for Value {
    fn from(day: Option<Date>) -> Self {
        Self::Day(day)
    }
}

/// Rows on their way to one table.
pub(super) struct Batch {
    table: &'static str,
    columns: usize,
    values: Vec<Value>,
    rows: usize,
    full: Option<Arc<str>>,
}

impl Batch {
    pub(super) const fn new(table: &'static str, columns: usize) -> Self {
        Self { table, columns, values: Vec::new(), rows: 0, full: None }
    }

    /// Takes a row; sends what is waiting when there is enough of it.
    pub(super) async fn push<const N: usize>(&mut self, row: [Value; N], conn: &mut Conn) -> Result<()> {
        debug_assert_eq!(N, self.columns, "{}", self.table);
        self.values.extend(row);
        self.rows += 1;
        if self.rows == ROWS { self.flush(conn).await } else { Ok(()) }
    }

    pub(super) async fn flush(&mut self, conn: &mut Conn) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        match conn {
            Conn::Sqlite(c) => {
                let full = self.rows == ROWS;
                let text = || Arc::from(insert(self.table, self.columns, self.rows));
                let sql: Arc<str> = if full { self.full.get_or_insert_with(text).clone() } else { text() };
                let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(full);
                for value in self.values.drain(..) {
                    query = match value {
                        Value::Text(text) => query.bind(text),
                        Value::MaybeText(text) => query.bind(text),
                        Value::Number(number) => query.bind(number),
                        Value::Day(day) => query.bind(day),
                    };
                }
                query.execute(&mut **c).await?;
            }
            Conn::Postgres(c) => {
                let mut copy = c.copy_in_raw(&format!("COPY {} FROM STDIN", self.table)).await?;
                copy.send(copied(&self.values, self.columns)).await?;
                copy.finish().await?;
                self.values.clear();
            }
        }
        self.rows = 0;
        Ok(())
    }
}

fn insert(table: &str, columns: usize, rows: usize) -> String {
    // Not `$1`: SQLite looks each name up among all those before it.
    let row = format!("({})", vec!["?"; columns].join(", "));
    format!("INSERT INTO {table} VALUES {}", vec![row; rows].join(", "))
}

/// The text form of `COPY`: a line a row, tabs between columns, `\N` for what is absent.
fn copied(values: &[Value], columns: usize) -> Vec<u8> {
    let mut text = String::with_capacity(values.len() * 16);
    for row in values.chunks(columns) {
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                text.push('\t');
            }
            match value {
                Value::Text(value) | Value::MaybeText(Some(value)) => escaped(value, &mut text),
                Value::Number(number) => drop(write!(text, "{number}")),
                Value::Day(Some(day)) => drop(write!(text, "{day}")),
                Value::MaybeText(None) | Value::Day(None) => text.push_str("\\N"),
            }
        }
        text.push('\n');
    }
    text.into_bytes()
}

fn escaped(value: &str, text: &mut String) {
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{self, Access};
    use crate::{on, testing};

    #[tokio::test]
    async fn every_letter_arrives() {
        for place in testing::places().await {
            super::super::open(&place).await.unwrap();
            let db = db::open(&place, "directory", Access::Write, 1).await.unwrap();
            let mut conn = db::connection(&db).await.unwrap();
            let create = "CREATE TEMPORARY TABLE letters (number BIGINT, word TEXT, day DATE)";
            on!(&mut conn, c => sqlx::query(create).execute(&mut **c).await.map(drop)).unwrap();
            let words = ["", "\\N", "a\tb\nc\rd\\", "Œuvre 李", "\\.", "'\"$1"].map(str::to_owned);
            let mut batch = Batch::new("letters", 3);
            for (number, word) in (0..).zip(words.iter().cycle().take(2_500)) {
                batch.push([Value::Number(number), word.as_str().into(), Value::Day(None)], &mut conn).await.unwrap();
            }
            batch
                .push(
                    [
                        Value::Number(2_500),
                        Value::MaybeText(None),
                        Value::Day(Some(time::macros::date!(2026 - 09 - 05))),
                    ],
                    &mut conn,
                )
                .await
                .unwrap();
            batch.flush(&mut conn).await.unwrap();
            let rows: Vec<(Option<String>, Option<Date>)> = on!(&mut conn, c =>
                sqlx::query_as("SELECT word, day FROM letters ORDER BY number").fetch_all(&mut **c).await)
            .unwrap();
            assert_eq!(rows.len(), 2_501);
            assert!(
                rows.iter().zip(words.iter().cycle()).take(2_500).all(|((word, _), sent)| word.as_ref() == Some(sent))
            );
            assert_eq!(rows[2_500], (None, Some(time::macros::date!(2026 - 09 - 05))));
        }
    }
}
