//! Many rows at once into one temporary table: `COPY` of a megabyte on PostgreSQL, one statement of a thousand rows on
//! SQLite, as measured the fastest way of each.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use time::Date;

use crate::db::{Conn, Result};

/// Rows in one statement of SQLite; with 20 columns it stays below its 32,766 values.
const ROWS: usize = 1_000;

/// Bytes in one `COPY`. What ends it is a packet of its own, that waits over TCP until the server's machine has
/// acknowledged the one before: the driver leaves Nagle's algorithm on, and Linux takes 40 ms. So they are few.
const COPIED: usize = 1 << 20;

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
    /// For SQLite: what is bound.
    values: Vec<Value>,
    rows: usize,
    full: Option<Arc<str>>,
    /// For PostgreSQL: the text that is copied.
    text: String,
}

impl Batch {
    pub(super) const fn new(table: &'static str, columns: usize) -> Self {
        Self { table, columns, values: Vec::new(), rows: 0, full: None, text: String::new() }
    }

    /// Takes a row; sends what is waiting when there is enough of it.
    pub(super) async fn push<const N: usize>(&mut self, row: [Value; N], conn: &mut Conn) -> Result<()> {
        debug_assert_eq!(N, self.columns, "{}", self.table);
        let is_full = match conn {
            Conn::Sqlite(_) => {
                self.values.extend(row);
                self.rows += 1;
                self.rows == ROWS
            }
            Conn::Postgres(_) => {
                copied(&row, &mut self.text);
                self.text.len() >= COPIED
            }
        };
        if is_full { self.flush(conn).await } else { Ok(()) }
    }

    pub(super) async fn flush(&mut self, conn: &mut Conn) -> Result<()> {
        match conn {
            Conn::Sqlite(_) if self.rows == 0 => {}
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
                self.rows = 0;
            }
            Conn::Postgres(_) if self.text.is_empty() => {}
            Conn::Postgres(c) => {
                let mut copy = c.copy_in_raw(&format!("COPY {} FROM STDIN", self.table)).await?;
                copy.send(self.text.as_bytes()).await?;
                copy.finish().await?;
                self.text.clear();
            }
        }
        Ok(())
    }
}

fn insert(table: &str, columns: usize, rows: usize) -> String {
    // Not `$1`: SQLite looks each name up among all those before it.
    let row = format!("({})", vec!["?"; columns].join(", "));
    format!("INSERT INTO {table} VALUES {}", vec![row; rows].join(", "))
}

/// The text form of `COPY`: a line a row, tabs between columns, `\N` for what is absent.
fn copied(row: &[Value], text: &mut String) {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            text.push('\t');
        }
        match value {
            Value::Text(value) | Value::MaybeText(Some(value)) => escaped(value, text),
            Value::Number(number) => drop(write!(text, "{number}")),
            Value::Day(Some(day)) => drop(write!(text, "{day}")),
            Value::MaybeText(None) | Value::Day(None) => text.push_str("\\N"),
        }
    }
    text.push('\n');
}

fn escaped(value: &str, text: &mut String) {
    let is_special = |byte: u8| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r');
    if !value.bytes().any(is_special) {
        return text.push_str(value);
    }
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
            let db = db::open(&place, "directory", Access::Bulk, 1).await.unwrap();
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
