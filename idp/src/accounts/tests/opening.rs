use directory::model::ParentalAuthority;

use super::*;

impl Deeds {
    async fn account_of(&self, person: &PersonId) -> Option<Recorded> {
        self.accounts.store.account_of(person).await.unwrap()
    }

    async fn open_all(&self) -> OpenedAccounts {
        self.accounts.open_all(NOW, |_| {}).await.unwrap()
    }
}

/// Every person of the sample has the account that is theirs, and no other.
async fn assert_one_account_for_each_human(deeds: &Deeds, sample: &Sample) {
    for household in &sample.households {
        for adult in &household.adults {
            let mut accounts = Vec::new();
            for record in adult {
                accounts.push(deeds.account_of(record).await.map(|recorded| recorded.account.id));
            }
            accounts.dedup();
            assert_eq!(accounts.len(), 1, "{:?}: one human has two accounts", household.shape);
        }
    }
    for people in &sample.deliveries {
        for student in &people.students {
            let account = deeds.account_of(&student.id).await.unwrap().account;
            assert_eq!((account.profile, &account.people[0]), (Profile::Student, &student.id));
        }
        for person in &people.staff {
            assert!(deeds.account_of(&person.id).await.is_none());
        }
        for guardian in &people.guardians {
            let mut ties = people.guardianships.iter().filter(|tie| tie.guardian == guardian.id);
            let answers = ties.any(|tie| tie.authority != ParentalAuthority::Contact);
            assert_eq!(deeds.account_of(&guardian.id).await.is_some(), answers, "{:?}", guardian.id);
        }
    }
}

#[tokio::test]
async fn each_human_of_the_directory_gets_one_account_and_a_second_run_changes_nothing() {
    for place in testing::places().await {
        let (deeds, sample) = (Deeds::at(place).await, sample());
        for people in &sample.deliveries {
            deeds.import(people).await;
        }
        let mut heard = Vec::new();
        let first = deeds.accounts.open_all(NOW, |read| heard.push(read)).await.unwrap();
        let people: usize = sample
            .deliveries
            .iter()
            .map(|people| people.students.len() + people.guardians.len() + people.staff.len())
            .sum();
        assert_eq!(heard.last(), Some(&(people as u64)));
        assert_eq!(first.opened + first.joined + first.known + first.passed_over, people as u64);
        assert!(first.joined >= 2, "{first:?}");
        assert_one_account_for_each_human(&deeds, &sample).await;
        let again = deeds.open_all().await;
        assert_eq!((again.opened, again.joined, again.passed_over), (0, 0, first.passed_over));
        assert_eq!(again.known, people as u64 - first.passed_over);
    }
}

/// Whichever academy delivers first: identifiers of the later one may sort before.
#[tokio::test]
async fn a_parent_whom_a_second_academy_delivers_later_keeps_their_account() {
    for order in [[0, 1], [1, 0]] {
        let (deeds, sample) = (Deeds::one().await, sample());
        for index in order {
            deeds.import(&sample.deliveries[index]).await;
            deeds.open_all().await;
        }
        assert_one_account_for_each_human(&deeds, &sample).await;
    }
}

#[tokio::test]
async fn couples_who_share_a_telephone_stay_two() {
    let (deeds, sample) = (Deeds::one().await, sample());
    deeds.import(&sample.deliveries[0]).await;
    deeds.open_all().await;
    let couple = sample.households.iter().find(|household| household.shape == Shape::SharedPhone).unwrap();
    let (one, other) = (&couple.adults[0][0], &couple.adults[1][0]);
    assert_ne!(deeds.account_of(one).await.unwrap().account, deeds.account_of(other).await.unwrap().account);
}

#[tokio::test]
async fn an_adult_pupil_signs_in_once_for_both_records() {
    const SELF: u8 = 70;
    let (deeds, sample) = (Deeds::one().await, sample());
    deeds.import(&sample.deliveries[0]).await;
    deeds.open_all().await;
    let own = sample.deliveries[0].guardianships.iter().find(|tie| tie.link == SELF).unwrap();
    let account = deeds.account_of(&own.student).await.unwrap().account;
    assert_eq!(account.people, [own.student.clone(), own.guardian.clone()]);
    assert_eq!(account.profile, Profile::Student);
    let identity = deeds.accounts.identity(&account).await.unwrap().unwrap();
    assert_eq!(identity.records.len(), 2);
    assert_eq!(identity.first().unwrap().person.id(), &own.student);
}

#[tokio::test]
async fn an_account_whose_people_all_left_has_no_identity() {
    let deeds = Deeds::one().await;
    let stranger = deeds.dormant("c.exemple1", Profile::Guardian).await;
    assert!(deeds.accounts.identity(&stranger.account).await.unwrap().is_none());
}
