//! Which pages of other sites may read what an endpoint answers them (OP-19): those of public clients, which have no server
//! to ask for them, and never with our cookies. What everyone may know (discovery, keys) says so itself.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Error;
use super::state::App;

/// What such a page sends: its token, a form, a proof of its key.
const MAY_SEND: &str = "authorization, content-type, dpop";
/// What it has to read: how to go on after a refusal.
const MAY_READ: &str = "dpop-nonce, retry-after, www-authenticate";
/// Seconds for which a browser need not ask again.
const REMEMBERED: &str = "600";

/// Around the endpoints that a page without a server calls. A page that may not read the answer is answered as everyone:
/// this keeps nobody out who can call by other means.
pub async fn let_public_clients_read(State(app): State<App>, request: Request, next: Next) -> Result<Response, Error> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let origin = match origin {
        Some(origin) if app.parties.are_public_at(&origin, app.clock.now()).await? => Some(origin),
        Some(_) | None => None,
    };
    let mut response = if asks_before(&request) {
        let mut answer = StatusCode::NO_CONTENT.into_response();
        if origin.is_some() {
            may(answer.headers_mut(), "GET, POST");
        }
        answer
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(MAY_READ));
    }
    Ok(response)
}

/// Answers whoever asks before reading what everyone may know.
pub async fn let_everyone_read(request: Request, next: Next) -> Response {
    if !asks_before(&request) {
        return next.run(request).await;
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    may(headers, "GET");
    answer
}

/// Stands where such a question arrives, so that it is no unknown method; what is no such question is one.
pub async fn asked_before() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

/// A browser, before it sends what a form could not (Fetch 4.8, CORS preflight).
fn asks_before(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn may(headers: &mut HeaderMap, methods: &'static str) {
    let mut say = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    say(header::ACCESS_CONTROL_ALLOW_HEADERS, MAY_SEND);
    say(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
}
