//! The first sign-in: a student's birth date, then a password of one's own (journeys E1, P2-7).

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use time::{Date, Month, OffsetDateTime};

use super::{UnderWay, live_session, not_ours};
use crate::accounts::{BirthDateCheck, Chosen};
use crate::domain::interaction::InteractionId;
use crate::domain::password::{Password, PasswordRefusal};
use crate::domain::session::Session;
use crate::domain::spelling;
use crate::web::error::{self, Error};
use crate::web::form::Form;
use crate::web::page::{
    AskSchool, BirthDate, BirthDateError, BirthDatePart, NewPassword, PasswordError, School, TypedDate,
};
use crate::web::paths;
use crate::web::state::App;
use crate::web::visitor::Visitor;

#[derive(Deserialize)]
pub struct BirthDateForm {
    #[serde(default)]
    jour: String,
    #[serde(default)]
    mois: String,
    #[serde(default)]
    annee: String,
    #[serde(default)]
    csrf: String,
}

#[derive(Deserialize)]
pub struct PasswordForm {
    #[serde(default)]
    mot_de_passe: String,
    #[serde(default)]
    csrf: String,
}

/// "C'est bien vous ?"
pub fn ask_birth_date(visitor: Visitor, under_way: &UnderWay) -> Response {
    birth_date_page(visitor, under_way, TypedDate::default(), None)
}

fn birth_date_page(
    mut visitor: Visitor,
    under_way: &UnderWay,
    typed: TypedDate,
    wrong: Option<BirthDateError>,
) -> Response {
    let id = &under_way.interaction.id;
    visitor.at(paths::resume(id));
    let page = BirthDate::new(paths::birth_date(id), visitor.csrf(), typed, wrong);
    let shell = visitor.shell(under_way.party());
    under_way.lead(visitor.show(&page, &shell))
}

pub async fn submit_birth_date(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<BirthDateForm>,
) -> Result<Response, Error> {
    let id = InteractionId(id);
    let under_way = UnderWay::find(&app, &id, &mut visitor).await?;
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, under_way.as_ref().and_then(UnderWay::party)));
    }
    let (Some(under_way), Some(session), Some(token)) =
        (under_way, live_session(&app, &visitor).await?, visitor.session())
    else {
        return Ok(visitor.go(&paths::resume(&id)));
    };
    let typed = TypedDate { day: form.jour, month: form.mois, year: form.annee };
    let now = app.clock.now();
    let date = match read_date(&typed, now.date()) {
        Ok(date) => date,
        Err(wrong) => return Ok(birth_date_page(visitor, &under_way, typed, Some(wrong))),
    };
    let came_by = visitor.came_by(Some(id.clone()));
    match app.accounts.confirm_birth_date(&session, &token, date, &came_by, now).await? {
        BirthDateCheck::Right | BirthDateCheck::NotAsked => Ok(visitor.go(&paths::resume(&id))),
        BirthDateCheck::Wrong { left } => {
            Ok(birth_date_page(visitor, &under_way, typed, Some(BirthDateError::NoMatch { left })))
        }
        BirthDateCheck::AskSchool => ask_school(&app, visitor, &under_way, &session).await,
    }
}

/// Five wrong dates: the school helps, and nothing more can be tried in this session.
async fn ask_school(app: &App, visitor: Visitor, under_way: &UnderWay, session: &Session) -> Result<Response, Error> {
    let recorded = app.store.account(&session.account).await?;
    let identity = match &recorded {
        Some(recorded) => app.accounts.identity(&recorded.account).await?,
        None => None,
    };
    let school = identity
        .as_ref()
        .and_then(|identity| identity.first()?.school.as_ref())
        .map(|school| School { name: school.name.clone(), phone: None });
    if let Some(token) = visitor.session() {
        app.store.end_session(&token, app.clock.now()).await?;
    }
    let mut shell = visitor.shell(under_way.party());
    shell.reference = Some(visitor.reference.clone());
    Ok(visitor.forget().show(&AskSchool { school }, &shell))
}

/// The three fields as a date in the past; months may be words ("mars").
fn read_date(typed: &TypedDate, today: Date) -> Result<Date, BirthDateError> {
    let parts =
        [(BirthDatePart::Day, &typed.day), (BirthDatePart::Month, &typed.month), (BirthDatePart::Year, &typed.year)];
    let missing: Vec<BirthDatePart> =
        parts.into_iter().filter(|(_, text)| text.trim().is_empty()).map(|(part, _)| part).collect();
    match missing.len() {
        0 => {}
        3 => return Err(BirthDateError::Empty),
        _ => return Err(BirthDateError::Missing(missing)),
    }
    let day: u8 = typed.day.trim().parse().map_err(|_| BirthDateError::NotReal)?;
    let month = read_month(&typed.month).ok_or(BirthDateError::NotReal)?;
    let year: i32 = typed.year.trim().parse().map_err(|_| BirthDateError::NotReal)?;
    if !(1900..=9999).contains(&year) {
        return Err(BirthDateError::NotReal);
    }
    let date = Date::from_calendar_date(year, month, day).map_err(|_| BirthDateError::NotReal)?;
    if date < today { Ok(date) } else { Err(BirthDateError::NotPast) }
}

fn read_month(typed: &str) -> Option<Month> {
    const ENGLISH: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let typed = typed.trim();
    if let Ok(number) = typed.parse::<u8>() {
        return Month::try_from(number).ok();
    }
    let plain = spelling::plain(typed);
    let position = |months: [&str; 12]| months.iter().position(|month| *month == plain);
    let position = position(spelling::FRENCH_MONTHS).or_else(|| position(ENGLISH))?;
    Month::try_from(u8::try_from(position + 1).ok()?).ok()
}

/// "Votre mot de passe", empty or again with what is wrong.
pub async fn ask_password(
    app: &App,
    mut visitor: Visitor,
    under_way: &UnderWay,
    session: &Session,
    wrong: Option<PasswordError>,
) -> Result<Response, Error> {
    let id = &under_way.interaction.id;
    let login = app.store.account(&session.account).await?.map(|recorded| recorded.login.as_str().to_owned());
    visitor.at(paths::resume(id));
    let page = NewPassword {
        action: paths::password(id),
        csrf: visitor.csrf(),
        identifier: login.unwrap_or_default(),
        first: true,
        wrong,
    };
    let shell = visitor.shell(under_way.party());
    Ok(under_way.lead(visitor.show(&page, &shell)))
}

pub async fn submit_password(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Error> {
    let id = InteractionId(id);
    let under_way = UnderWay::find(&app, &id, &mut visitor).await?;
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, under_way.as_ref().and_then(UnderWay::party)));
    }
    let (Some(under_way), Some(session)) = (under_way, live_session(&app, &visitor).await?) else {
        return Ok(visitor.go(&paths::resume(&id)));
    };
    if form.mot_de_passe.is_empty() {
        return ask_password(&app, visitor, &under_way, &session, Some(PasswordError::Empty)).await;
    }
    let now: OffsetDateTime = app.clock.now();
    let came_by = visitor.came_by(Some(id.clone()));
    let password = Password::typed(&form.mot_de_passe);
    match app.accounts.choose_password(&session, password, &came_by, now).await? {
        Chosen::Done(opened) => Ok(visitor.remember(&opened).go(&paths::resume(&id))),
        Chosen::NotAsked => Ok(visitor.go(&paths::resume(&id))),
        Chosen::Busy { retry_after } => Ok(error::busy(visitor, under_way.party(), retry_after, paths::resume(&id))),
        Chosen::Refused(refusal) => {
            let wrong = match refusal {
                PasswordRefusal::TooShort { count } => {
                    PasswordError::Short { length: u32::try_from(count).unwrap_or_default() }
                }
                PasswordRefusal::TooLong { count } => {
                    PasswordError::Long { length: u32::try_from(count).unwrap_or(u32::MAX) }
                }
                PasswordRefusal::Common => PasswordError::Common,
                PasswordRefusal::ContainsSelf => PasswordError::Personal,
                PasswordRefusal::SameAsBefore => PasswordError::Same,
            };
            ask_password(&app, visitor, &under_way, &session, Some(wrong)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn read(day: &str, month: &str, year: &str) -> Result<Date, BirthDateError> {
        let typed = TypedDate { day: day.to_owned(), month: month.to_owned(), year: year.to_owned() };
        read_date(&typed, date!(2026 - 09 - 01))
    }

    #[test]
    fn a_month_may_be_a_number_or_a_word() {
        for month in ["3", "03", "mars", " Mars ", "MARS", "march"] {
            assert_eq!(read("2", month, "2012"), Ok(date!(2012 - 03 - 02)), "{month}");
        }
        assert_eq!(read("2", "février", "2012"), Ok(date!(2012 - 02 - 02)));
        assert_eq!(read("2", "août", "2012"), Ok(date!(2012 - 08 - 02)));
    }

    #[test]
    fn what_is_wrong_with_a_date_is_said() {
        use BirthDateError::{Empty, Missing, NotPast, NotReal};
        assert_eq!(read("", " ", ""), Err(Empty));
        assert_eq!(read("1", "", ""), Err(Missing(vec![BirthDatePart::Month, BirthDatePart::Year])));
        assert_eq!(read("30", "2", "2012"), Err(NotReal));
        assert_eq!(read("1", "brumaire", "2012"), Err(NotReal));
        assert_eq!(read("1", "1", "12"), Err(NotReal));
        assert_eq!(read("1", "9", "2026"), Err(NotPast));
    }
}
