//! Whether somebody is here, asked in one question of a few columns: what a sign-in that tells nothing of them needs.

use super::{Directory, Result, placeholders};
use crate::model::{ParentalAuthority, PersonId};

impl Directory {
    /// Whether `Known::opens_an_account` holds of one of these people, under the identifiers given; who was renamed since
    /// is found by `known` only.
    pub async fn any_opens_an_account(&self, people: &[PersonId]) -> Result<bool> {
        let ids: Vec<String> = people.iter().map(PersonId::to_string).collect();
        let contact = ParentalAuthority::Contact.level();
        for some in ids.chunks(super::AT_ONCE) {
            let list = placeholders(some.len());
            let sql = format!(
                "SELECT p.id FROM persons p WHERE p.id IN {list} AND p.left_at IS NULL AND (p.kind <> 'guardian' OR EXISTS \
                 (SELECT 1 FROM guardianships g JOIN persons c ON c.id = g.student WHERE g.guardian = p.id AND g.authority \
                 <> {contact} AND c.left_at IS NULL AND c.kind = 'student'))"
            );
            if !self.ask::<(String,)>(sql, some).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
