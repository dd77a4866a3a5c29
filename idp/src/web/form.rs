//! A form of one of our pages; one that is too long or cannot be read gets a page, like everything a person meets.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::error;
use super::page::Reason;
use super::state::App;
use super::visitor::Visitor;

pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let rejection = match axum::extract::Form::from_request(request, app).await {
            Ok(axum::extract::Form(form)) => return Ok(Self(form)),
            Err(rejection) => rejection.into_response(),
        };
        let Ok(visitor) = Visitor::from_request_parts(&mut parts, app).await;
        Err(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                error::refuse(visitor, None, StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge)
            }
            status => error::refuse(visitor, None, status, Reason::Forged),
        })
    }
}
