//! Accounts follow deliveries: departures, returns, changes of identifiers (IM-09, IM-11), on both databases.

use directory::db::{Db, on};
use directory::model::Student;

use super::*;

impl Deeds {
    async fn close(&self, now: OffsetDateTime) -> Departed {
        close_departed(&self.accounts.store, &self.accounts.directory, now).await.unwrap()
    }

    async fn purge(&self, until: time::Date) -> u64 {
        purge_departed(&self.accounts.store, &self.accounts.directory, until, NOW).await.unwrap()
    }

    /// A pupil of the sample who is at work: delivered, with an own password.
    async fn pupil(&self, people: &People) -> (Student, Recorded) {
        self.import(people).await;
        self.accounts.open_all(NOW, |_| {}).await.unwrap();
        let pupil = people.students[0].clone();
        let recorded = self.accounts.store.account_of(&pupil.id).await.unwrap().unwrap();
        let hash = self.accounts.hashing.hash(Password::typed(OWN)).await.unwrap();
        self.accounts.store.activate_all(std::slice::from_ref(&recorded.account.id), &hash, NOW).await.unwrap();
        (pupil, self.recorded(&recorded.account.id).await)
    }

    async fn directory(&self) -> Db {
        directory::writer::open(&self.place).await.unwrap()
    }

    async fn change(&self, number: i64, kind: &str, former: &PersonId, current: &PersonId) {
        let insert = "INSERT INTO identity_changes (number, run, kind, former, current) VALUES ($1, 1, $2, $3, $4)";
        let db = self.directory().await;
        on!(&db, c => sqlx::query(insert)
            .bind(number).bind(kind).bind(former.to_string()).bind(current.to_string()).execute(c).await.map(drop))
        .unwrap();
    }

    async fn follow(&self) -> store::Followed {
        follow(&self.accounts.store, &self.accounts.directory, NOW).await.unwrap()
    }

    async fn people(&self, id: &AccountId) -> Vec<PersonId> {
        self.recorded(id).await.account.people
    }
}

fn without(people: &People, pupil: &Student, day: time::Date) -> People {
    let mut people = people.clone();
    people.students.retain(|student| student.id != pupil.id);
    people.guardianships.retain(|tie| tie.student != pupil.id);
    people.date = day;
    people
}

fn person(key: u32) -> PersonId {
    format!("14-2d-{key}").parse().unwrap()
}

#[tokio::test]
async fn who_left_is_suspended_comes_back_by_itself_and_is_purged_after_ninety_days() {
    for place in testing::places().await {
        let deeds = Deeds::at(place).await;
        let all = sample().deliveries.swap_remove(0);
        let (pupil, recorded) = deeds.pupil(&all).await;
        let (login, id) = (recorded.login.as_str(), &recorded.account.id);
        let opened = deeds.sign_in(login, OWN, NOW).await.unwrap();
        assert_eq!(deeds.close(NOW).await.suspended, 0);
        let left = date!(2026 - 09 - 16);
        deeds.import(&without(&all, &pupil, left)).await;
        assert!(deeds.close(NOW).await.suspended >= 1);
        assert_eq!(deeds.close(NOW).await, Departed::default(), "nothing new");
        assert!(deeds.session(&opened).await.is_none());
        let refused = deeds.sign_in(login, OWN, NOW).await.err();
        assert_eq!(refused, Some(Refusal::Closed { since: left }));
        assert_eq!(deeds.sign_in(login, "a wrong password", NOW).await.err(), Some(Refusal::Pair), "LS-01");

        // Back before any job has looked; the password is the same (IM-11).
        deeds.import(&People { date: date!(2026 - 09 - 17), ..all.clone() }).await;
        assert!(deeds.sign_in(login, OWN, NOW).await.is_ok());
        assert_eq!(deeds.recorded(id).await.account.state, AccountState::Active);

        // Gone again: the grace counts from the last departure.
        let left = date!(2026 - 10 - 01);
        deeds.import(&without(&all, &pupil, left)).await;
        assert!(deeds.close(NOW).await.suspended >= 1);
        assert_eq!(deeds.purge(left - Duration::DAY).await, 0);
        assert!(deeds.purge(left).await >= 1);
        assert!(deeds.accounts.store.account(id).await.unwrap().is_none());
        assert!(directory::writer::purge(&deeds.place, left).await.unwrap() >= 1);
        let known = deeds.accounts.directory.known(std::slice::from_ref(&pupil.id)).await.unwrap();
        assert!(known.is_empty());
        deeds.import(&People { date: date!(2026 - 10 - 02), ..all.clone() }).await;
        deeds.accounts.open_all(NOW, |_| {}).await.unwrap();
        let anew = deeds.accounts.store.account_of(&pupil.id).await.unwrap().unwrap();
        assert_ne!(&anew.account.id, id, "somebody new");
    }
}

#[tokio::test]
async fn im_11_no_delivery_opens_what_a_person_closed_nor_touches_a_password() {
    for place in testing::places().await {
        let deeds = Deeds::at(place).await;
        let all = sample().deliveries.swap_remove(0);
        let (pupil, recorded) = deeds.pupil(&all).await;
        let id = &recorded.account.id;
        deeds.accounts.store.close_account(id, NOW).await.unwrap();
        deeds.import(&without(&all, &pupil, date!(2026 - 09 - 16))).await;
        deeds.close(NOW).await;
        deeds.import(&People { date: date!(2026 - 09 - 17), ..all.clone() }).await;
        deeds.close(NOW).await;
        let after = deeds.recorded(id).await;
        assert_eq!(after.account.state, AccountState::Closed { since: NOW });
        assert!(after.departed_on.is_none() && after.password == recorded.password);
        let refused = deeds.sign_in(recorded.login.as_str(), OWN, NOW).await.err();
        assert_eq!(refused, Some(Refusal::Closed { since: NOW.date() }));
    }
}

#[tokio::test]
async fn a_renamed_record_keeps_its_account_and_session_whoever_follows() {
    for place in testing::places().await {
        let deeds = Deeds::at(place).await;
        let somebody = deeds.somebody().await;
        let (id, former) = (&somebody.account.id, somebody.account.people[0].clone());
        let opened = deeds.sign_in("c.exemple1", OWN, NOW).await.unwrap();
        deeds.change(1, "renamed", &former, &person(1)).await;
        let (one, other) = tokio::join!(deeds.follow(), deeds.follow());
        assert_eq!(one.renamed + other.renamed, 1, "two nodes at once");
        assert_eq!(deeds.people(id).await, [person(1)]);
        assert_eq!(deeds.session(&opened).await.unwrap().account, *id);
        deeds.change(2, "renamed", &person(1), &former).await;
        assert_eq!(deeds.follow().await.renamed, 1);
        assert_eq!(deeds.people(id).await, [former], "a merger undone");
    }
}

#[tokio::test]
async fn a_join_adds_the_other_record_and_parting_takes_back_no_more_than_that() {
    for place in testing::places().await {
        let deeds = Deeds::at(place).await;
        let one = deeds.dormant("c.exemple1", Profile::Guardian).await.account;
        let two = deeds.dormant("c.exemple2", Profile::Guardian).await.account;
        deeds.change(1, "joined", &one.people[0], &person(1)).await;
        deeds.change(2, "joined", &person(2), &two.people[0]).await;
        deeds.change(3, "joined", &one.people[0], &two.people[0]).await;
        let followed = deeds.follow().await;
        assert_eq!((followed.joined, followed.to_review), (2, 1), "two accounts are kept and told");
        assert_eq!(deeds.people(&one.id).await, [one.people[0].clone(), person(1)]);
        assert_eq!(deeds.people(&two.id).await, [two.people[0].clone(), person(2)]);
        deeds.change(4, "parted", &one.people[0], &person(1)).await;
        deeds.change(5, "parted", &one.people[0], &two.people[0]).await;
        assert_eq!(deeds.follow().await.parted, 1);
        assert_eq!(deeds.people(&one.id).await, one.people);
        assert_eq!(deeds.people(&two.id).await.len(), 2);
    }
}

#[tokio::test]
async fn sign_in_goes_on_while_an_import_is_under_way() {
    for place in testing::places().await {
        let deeds = Deeds::at(place).await;
        let all = sample().deliveries.swap_remove(0);
        let (_, recorded) = deeds.pupil(&all).await;
        let db = deeds.directory().await;
        let mut tx = directory::db::begin(&db).await.unwrap();
        on!(&mut tx, c => sqlx::query("UPDATE persons SET left_at = '2026-09-19'").execute(&mut **c).await.map(drop))
            .unwrap();
        let opened = deeds.sign_in(recorded.login.as_str(), OWN, NOW).await.unwrap();
        assert!(deeds.session(&opened).await.is_some());
        assert!(deeds.accounts.identity(&recorded.account).await.unwrap().is_some());
    }
}
