use directory::model::Student;

use super::*;
use crate::domain::password::PasswordRefusal;

/// A pupil of the sample who just signed in with their letter.
struct Newcomer {
    deeds: Deeds,
    student: Student,
    login: String,
    letter: String,
    opened: Opened,
}

impl Newcomer {
    async fn arrives() -> Self {
        let (deeds, sample) = (Deeds::one().await, sample());
        deeds.import(&sample.deliveries[0]).await;
        let student = sample.deliveries[0].students[0].clone();
        deeds.accounts.open_all(NOW, |_| {}).await.unwrap();
        let recorded = deeds.accounts.store.account_of(&student.id).await.unwrap().unwrap();
        let letter = deeds.accounts.reset(&recorded, NOW).await.unwrap().password.text().to_owned();
        let login = recorded.login.as_str().to_owned();
        let opened = deeds.sign_in(&login, &letter, NOW).await.unwrap();
        Self { deeds, student, login, letter, opened }
    }

    async fn session(&self) -> Session {
        self.deeds.session(&self.opened).await.unwrap()
    }

    async fn born_on(&self, date: time::Date, now: OffsetDateTime) -> BirthDateCheck {
        let (session, token) = (self.session().await, self.opened.token.hash());
        self.deeds.accounts.confirm_birth_date(&session, &token, date, &came_by(), now).await.unwrap()
    }

    async fn choose(&self, session: &Session, password: &str) -> Result<Opened, Option<PasswordRefusal>> {
        let password = Password::typed(password);
        match self.deeds.accounts.choose_password(session, password, &came_by(), NOW).await.unwrap() {
            Chosen::Done(opened) => Ok(opened),
            Chosen::Refused(refusal) => Err(Some(refusal)),
            Chosen::NotAsked => Err(None),
            Chosen::Busy { .. } => panic!("nobody else is hashing"),
        }
    }
}

#[tokio::test]
async fn five_wrong_birth_dates_of_a_day_need_the_school_and_a_quiet_day_forgets_them() {
    let newcomer = Newcomer::arrives().await;
    let right = newcomer.student.birth_date;
    let wrong = right.next_day().unwrap();
    for left in [4, 3, 2, 1] {
        assert_eq!(newcomer.born_on(wrong, NOW).await, BirthDateCheck::Wrong { left });
    }
    assert_eq!(newcomer.born_on(wrong, NOW).await, BirthDateCheck::AskSchool);
    let nearly = NOW + Duration::DAY - Duration::SECOND;
    assert_eq!(newcomer.born_on(right, nearly).await, BirthDateCheck::AskSchool);
    assert_eq!(newcomer.session().await.pending, Some(Pending::BirthDate));
    assert_eq!(newcomer.born_on(right, NOW + Duration::DAY).await, BirthDateCheck::Right);
    assert_eq!(newcomer.session().await.pending, Some(Pending::Password));
    assert_eq!(newcomer.born_on(right, NOW + Duration::DAY).await, BirthDateCheck::NotAsked, "AR-01");
}

#[tokio::test]
async fn the_right_birth_date_forgives_the_wrong_ones() {
    let newcomer = Newcomer::arrives().await;
    let right = newcomer.student.birth_date;
    assert_eq!(newcomer.born_on(right.next_day().unwrap(), NOW).await, BirthDateCheck::Wrong { left: 4 });
    assert_eq!(newcomer.born_on(right, NOW).await, BirthDateCheck::Right);
    let id = newcomer.session().await.account;
    assert_eq!(newcomer.deeds.recorded(&id).await.birth_date_failures, 0);
}

#[tokio::test]
async fn a_letter_given_by_the_school_forgives_wrong_birth_dates() {
    let newcomer = Newcomer::arrives().await;
    let wrong = newcomer.student.birth_date.next_day().unwrap();
    for _ in 0..5 {
        newcomer.born_on(wrong, NOW).await;
    }
    let recorded = newcomer.deeds.recorded(&newcomer.session().await.account).await;
    let letter = newcomer.deeds.accounts.reset(&recorded, NOW).await.unwrap();
    let opened = newcomer.deeds.sign_in(&newcomer.login, letter.password.text(), NOW).await.unwrap();
    let newcomer = Newcomer { opened, ..newcomer };
    assert_eq!(newcomer.born_on(newcomer.student.birth_date, NOW).await, BirthDateCheck::Right);
}

#[tokio::test]
async fn a_password_that_a_guesser_would_try_is_refused_and_the_old_one_stays() {
    let newcomer = Newcomer::arrives().await;
    newcomer.born_on(newcomer.student.birth_date, NOW).await;
    let session = newcomer.session().await;
    let loose = newcomer.letter.replace('-', "").to_uppercase();
    let name = format!("{} et son velo", newcomer.student.names.family);
    let login = format!("{} et son velo", newcomer.login);
    for (password, expected) in [
        ("court", PasswordRefusal::TooShort { count: 5 }),
        (&*"long".repeat(40), PasswordRefusal::TooLong { count: 160 }),
        ("motdepasse123", PasswordRefusal::Common),
        (&name, PasswordRefusal::ContainsSelf),
        (&login, PasswordRefusal::ContainsSelf),
        (&newcomer.letter, PasswordRefusal::SameAsBefore),
        (&loose, PasswordRefusal::SameAsBefore),
    ] {
        assert_eq!(newcomer.choose(&session, password).await.err(), Some(Some(expected)), "{expected:?}");
    }
    assert!(newcomer.deeds.sign_in(&newcomer.login, &newcomer.letter, NOW).await.is_ok());
}

#[tokio::test]
async fn a_chosen_password_opens_a_new_session_and_ends_the_letter() {
    let newcomer = Newcomer::arrives().await;
    let early = newcomer.session().await;
    assert_eq!(newcomer.choose(&early, OWN).await.err(), Some(None), "AR-01: the birth date comes first");
    newcomer.born_on(newcomer.student.birth_date, NOW).await;
    let session = newcomer.session().await;
    let opened = newcomer.choose(&session, OWN).await.unwrap();
    assert!(newcomer.deeds.session(&newcomer.opened).await.is_none());
    assert_eq!(newcomer.deeds.session(&opened).await.unwrap().pending, None);
    assert_eq!(newcomer.choose(&session, "tournesol escargot lampe").await.err(), Some(None), "another tab, later");
    assert!(newcomer.deeds.sign_in(&newcomer.login, &newcomer.letter, NOW).await.is_err());
    let again = newcomer.deeds.sign_in(&newcomer.login, OWN, NOW).await.unwrap();
    assert_eq!(newcomer.deeds.session(&again).await.unwrap().pending, None);
}
