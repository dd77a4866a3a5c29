//! Pages that are always the same: help, declarations, and what to do without a password.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::web::error::{self, Error};
use crate::web::page::{Accessibility, FirstTime, Forgotten, Help, Home, Legal, Page, PortalLink, Privacy, Reason};
use crate::web::paths;
use crate::web::state::App;
use crate::web::visitor::Visitor;

fn standing<P: Page>(visitor: Visitor, page: &P) -> Response {
    let shell = visitor.shell(None);
    visitor.show(page, &shell)
}

/// `/`: the portals, and a way to sign in.
pub async fn home(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    let portals = portals(&app).await?;
    Ok(standing(visitor, &Home { portals, sign_in: paths::SIGN_IN.to_owned() }))
}

/// Open parties that say where a person starts.
pub async fn portals(app: &App) -> Result<Vec<PortalLink>, Error> {
    let now = app.clock.now();
    let open = app.store.parties().await?.into_iter().filter(|party| party.is_open(now));
    Ok(open.filter_map(|party| Some(PortalLink { name: party.name, start: party.start? })).collect())
}

pub async fn forgotten(visitor: Visitor) -> Response {
    standing(visitor, &Forgotten { sign_in: paths::SIGN_IN.to_owned() })
}

pub async fn first_time(visitor: Visitor) -> Response {
    standing(visitor, &FirstTime { sign_in: paths::SIGN_IN.to_owned() })
}

pub async fn help(visitor: Visitor) -> Response {
    standing(visitor, &Help)
}

pub async fn accessibility(visitor: Visitor) -> Response {
    standing(visitor, &Accessibility)
}

pub async fn privacy(visitor: Visitor) -> Response {
    standing(visitor, &Privacy)
}

pub async fn legal(visitor: Visitor) -> Response {
    standing(visitor, &Legal)
}

pub async fn not_found(visitor: Visitor) -> Response {
    error::refuse(visitor, None, StatusCode::NOT_FOUND, Reason::NotFound)
}

pub async fn method_not_allowed(visitor: Visitor) -> Response {
    error::refuse(visitor, None, StatusCode::METHOD_NOT_ALLOWED, Reason::MethodNotAllowed)
}

/// `/static/…`: named by their content where pages ask for them, so they can be kept for a year.
pub async fn asset(State(app): State<App>, axum::extract::Path(name): axum::extract::Path<String>) -> Response {
    match app.pages.asset(&name) {
        Some((kind, bytes)) => {
            let headers =
                [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, bytes.to_vec()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
