//! The pages of both ENTs: same words, two looks, no script.

use aws_lc_rs::digest;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};
use serde::Serialize;

use super::browsers::SignedIn;
use super::{Error, Refusal};

const CSS: &str = include_str!("pages/site.css");

/// What tells one ENT from the other.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    /// The class of the page's body.
    pub(crate) look: &'static str,
    pub(crate) protocol: &'static str,
}

pub(crate) struct Pages {
    templates: Environment<'static>,
    site: Site,
    policy: String,
}

impl Pages {
    /// `provider` is the origin of the identity provider: the button of the home page leads there by a redirect, and
    /// browsers check every hop that follows a form.
    pub(crate) fn new(site: Site, provider: &str) -> Result<Self, Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        templates.add_template("site.html", include_str!("pages/site.html"))?;
        templates.add_template("visitor.html", include_str!("pages/visitor.html"))?;
        templates.add_template("person.html", include_str!("pages/person.html"))?;
        templates.add_template("refusal.html", include_str!("pages/refusal.html"))?;
        let style = data_encoding::BASE64.encode(digest::digest(&digest::SHA256, CSS.as_bytes()).as_ref());
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {provider}; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        Ok(Self { templates, site, policy })
    }

    pub(crate) fn home(&self, signed_in: Option<&SignedIn>) -> Response {
        match signed_in {
            None => self.render(StatusCode::OK, "visitor.html", context! {}),
            Some(SignedIn { person, form_token }) => self.render(
                StatusCode::OK,
                "person.html",
                context! { person => Value::from(Serde(&**person)), form_token },
            ),
        }
    }

    pub(crate) fn refusal(&self, refusal: &Refusal) -> Response {
        let status = match refusal {
            Refusal::Unreachable(_) => StatusCode::BAD_GATEWAY,
            Refusal::Declined(_) | Refusal::Invalid(_) | Refusal::Unexpected => StatusCode::BAD_REQUEST,
        };
        self.render(status, "refusal.html", context! { reason => refusal.to_string() })
    }

    fn render(&self, status: StatusCode, name: &str, values: Value) -> Response {
        let page = self.templates.get_template(name).and_then(|template| {
            template.render(context! { site => Value::from(Serde(self.site)), css => CSS, ..values })
        });
        match page {
            Ok(html) => (
                status,
                [
                    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                    (header::CACHE_CONTROL, "no-store"),
                    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                    (header::REFERRER_POLICY, "no-referrer"),
                    (header::CONTENT_SECURITY_POLICY, self.policy.as_str()),
                ],
                html,
            )
                .into_response(),
            Err(error) => {
                tracing::error!(%error, page = name, "a page of a demo ENT does not render");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// A redirect to be followed by GET, with a cookie where there is one to set.
pub(crate) fn go(address: &str, cookie: Option<String>) -> Response {
    let mut response =
        (StatusCode::SEE_OTHER, [(header::CACHE_CONTROL, "no-store"), (header::LOCATION, address)]).into_response();
    if let Some(cookie) = cookie.and_then(|cookie| cookie.parse().ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::demo::claims::{Person, Raw};

    const SITE: Site = Site { name: "ENT d'essai", look: "essai", protocol: "SAML" };

    async fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn markup_in_an_answer_is_shown_not_run() {
        let attributes = [("sn".to_owned(), vec!["<script>alert(1)</script>".to_owned()])];
        let raw = vec![Raw { title: "XML", text: "<x>&amp;</x>".to_owned() }];
        let person = Person::read("<b>", &attributes, raw, "https://idp.test/deconnexion".to_owned());
        let signed_in = SignedIn { person: Arc::new(person), form_token: "t".to_owned() };
        let html = text(Pages::new(SITE, "https://idp.test").unwrap().home(Some(&signed_in))).await;
        assert!(!html.contains("<script"));
        assert!(html.contains("&lt;x&gt;&amp;amp;&lt;"), "{html}");
    }

    #[tokio::test]
    async fn every_page_has_one_title_and_one_main() {
        let pages = Pages::new(SITE, "https://idp.test").unwrap();
        for response in [pages.home(None), pages.refusal(&Refusal::Unexpected)] {
            let html = text(response).await;
            assert_eq!(html.matches("<h1>").count(), 1);
            assert_eq!(html.matches("<main").count(), 1);
            assert!(html.contains("<html lang=\"fr\">"));
        }
    }
}
