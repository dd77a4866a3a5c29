//! What a request asks of the sign-in.

use super::claims::{self, AcrAsked};
use super::{Error, is_echoed};
use crate::domain::account::Profile;
use crate::domain::interaction::{Asked, ClaimsAsked};
use crate::domain::relying_party::OidcParty;
use crate::oidc::form::Form;

const MAX_LOGIN_HINT: usize = 128;
const MAX_LANGUAGES: usize = 8;

/// `display` and `claims_locales` change nothing here: the pages fit every screen, and names are in one language.
pub fn asked(form: &Form, client: &OidcParty) -> Result<(Asked, ClaimsAsked), Error> {
    let prompts: Vec<&str> = form.get("prompt").unwrap_or_default().split(' ').filter(|p| !p.is_empty()).collect();
    let passive = prompts.contains(&"none");
    if passive && prompts.len() > 1 {
        return Err(Error::InvalidRequest("prompt=none stands alone"));
    }
    let max_age = match form.get("max_age") {
        None => client.options.default_max_age,
        Some(age) if age.bytes().all(|byte| byte.is_ascii_digit()) => Some(age.parse().unwrap_or(u32::MAX)),
        Some(_) => return Err(Error::InvalidRequest("max_age is not a number of seconds")),
    };
    let claims = claims::read(form.get("claims"), client)?;
    let classes = form.get("acr_values").unwrap_or_default().split(' ');
    let wished = claims.acr.iter().flat_map(|acr| &acr.values).map(String::as_str);
    let asked = Asked {
        // OpenID Connect Core 3.1.2.1: `max_age=0` is the same as `prompt=login`.
        fresh: prompts.contains(&"login") || max_age == Some(0),
        passive,
        choose: prompts.contains(&"select_account"),
        max_age,
        view: wished.chain(classes).find_map(profile),
        languages: languages(form.get("ui_locales").unwrap_or_default()),
        login_hint: form.get("login_hint").filter(|hint| is_echoed(hint, MAX_LOGIN_HINT)).map(str::to_owned),
        consent: prompts.contains(&"consent"),
        subject: claims.subject,
        profiles: insisted(claims.acr.as_ref())?,
    };
    Ok((asked, claims.names))
}

/// The kinds of person that an essential `acr` leaves (OpenID Connect Core 5.5.1.1).
fn insisted(acr: Option<&AcrAsked>) -> Result<Vec<Profile>, Error> {
    const WITH_A_CLASS: [Profile; 2] = [Profile::Student, Profile::Guardian];
    let Some(acr) = acr.filter(|acr| acr.is_essential) else { return Ok(Vec::new()) };
    if acr.values.is_empty() {
        return Ok(WITH_A_CLASS.to_vec());
    }
    let profiles: Vec<Profile> = acr.values.iter().filter_map(|class| profile(class)).collect();
    if profiles.is_empty() { Err(Error::UnmetAuthenticationRequirements) } else { Ok(profiles) }
}

/// `acr_values` as `ÉduConnect` reads them: which kind of person the page is opened for.
fn profile(acr: &str) -> Option<Profile> {
    [Profile::Student, Profile::Guardian].into_iter().find(|profile| context_class(*profile) == Some(acr))
}

/// The `acr` that is true of a sign-in by this kind of person.
pub const fn context_class(profile: Profile) -> Option<&'static str> {
    match profile {
        Profile::Student => Some("eleve"),
        Profile::Guardian => Some("responsable"),
        Profile::Staff => None,
    }
}

/// Language tags in order of preference; what is not one is left out, since `ui_locales` never refuses a request.
pub(in crate::oidc) fn languages(text: &str) -> Vec<String> {
    let is_tag = |tag: &&str| {
        (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split(' ').filter(is_tag).take(MAX_LANGUAGES).map(str::to_owned).collect()
}
