//! Who is here: of many accounts at once, and, in one question of a few columns, whether anybody is: what a sign-in that
//! tells nothing of them needs.

use std::collections::HashMap;

use super::{Depth, Directory, Result, placeholders};
use crate::model::{Known, ParentalAuthority, PersonId};

impl Directory {
    /// Whether `Known::opens_an_account` holds of one of these people, under the identifiers given; who was renamed since
    /// is found by `named` only.
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

    /// What `named` gives of several groups, each as if it were asked alone, in the questions of one.
    pub async fn named_of_each(&self, groups: &[&[PersonId]]) -> Result<Vec<Vec<Known>>> {
        let ids = |group: &[PersonId]| group.iter().map(PersonId::to_string).collect::<Vec<_>>();
        let mut asked: Vec<String> = groups.iter().flat_map(|group| ids(group)).collect();
        asked.sort_unstable();
        asked.dedup();
        let (found, now_called) = self.found(&asked, Depth::Names).await?;
        let known = |group: &&[PersonId]| {
            let mut present: Vec<String> = Vec::new();
            for id in ids(group) {
                let id = now_called.get(&id).cloned().unwrap_or(id);
                if !present.contains(&id) {
                    present.push(id);
                }
            }
            present.iter().filter_map(|id| found.get(id).cloned()).collect()
        };
        Ok(groups.iter().map(known).collect())
    }

    /// By present identifiers, and which of those asked for is called which now.
    pub(super) async fn found(
        &self,
        asked: &[String],
        depth: Depth,
    ) -> Result<(HashMap<String, Known>, HashMap<String, String>)> {
        let mut found = self.by_id(asked, depth).await?;
        let missing: Vec<String> = asked.iter().filter(|id| !found.contains_key(*id)).cloned().collect();
        let now_called = if missing.is_empty() {
            HashMap::new()
        } else {
            self.under_present_names(missing, depth, &mut found).await?
        };
        Ok((found, now_called))
    }
}
