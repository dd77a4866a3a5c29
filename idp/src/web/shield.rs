//! The headers that every answer carries, errors included (HT-02).

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::state::App;

/// A page for a person: never kept by a cache, for it may name someone or hold an answer.
pub fn html(body: String) -> Response {
    let mut response = Html(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Where the forms of this page may lead, hop after hop; set by handlers of pages that begin a way to a party.
#[derive(Debug, Clone)]
pub struct FormsMayLeadTo(pub String);

/// `form-action` for pages of a sign-in request. Chromium checks every hop of the redirects that follow a form, and a
/// party's reply address may redirect to any other: so https at large, and the scheme of an app, or the origin of a
/// test party without TLS.
pub fn towards(reply_address: Option<&str>) -> FormsMayLeadTo {
    let mut sources = "'self' https:".to_owned();
    if let Some(address) = reply_address.and_then(|address| url::Url::parse(address).ok()) {
        match address.scheme() {
            "https" => {}
            "http" => sources.extend([" ", &address.origin().ascii_serialization()]),
            scheme => sources.extend([" ", scheme, ":"]),
        }
    }
    FormsMayLeadTo(sources)
}

/// Set by the page of a sign-out, which shows the parties' single logout in frames nobody sees. Each may redirect to any
/// other address before it comes back: https at large, and the origins of test parties without TLS.
#[derive(Debug, Clone)]
pub struct FramesMayShow(pub String);

pub fn framing<'a>(addresses: impl Iterator<Item = &'a str>) -> FramesMayShow {
    let plain = addresses.filter_map(|address| url::Url::parse(address).ok()).filter(|url| url.scheme() == "http");
    let mut sources = "'self' https:".to_owned();
    for url in plain {
        sources.extend([" ", &url.origin().ascii_serialization()]);
    }
    FramesMayShow(sources)
}

/// A page that carries a message of a protocol, and beside it what a party may choose (`RelayState`): compressed, its
/// length would tell of its content (the BREACH attack), and base64 would hardly be shorter.
#[derive(Debug, Clone, Copy)]
pub struct OfFixedLength;

/// What one of our own frames may show.
#[derive(Debug, Clone, Copy)]
pub struct MayBeFramed;

/// Adds what the answer does not carry yet.
pub async fn protect(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let forms = response.extensions_mut().remove::<FormsMayLeadTo>();
    let forms = forms.as_ref().map_or("'self'", |forms| forms.0.as_str());
    let frames = response.extensions_mut().remove::<FramesMayShow>();
    let frames = frames.map_or_else(String::new, |frames| format!("frame-src {}; ", frames.0));
    let is_framed = response.extensions_mut().remove::<MayBeFramed>().is_some();
    let (ancestors, options) = if is_framed { ("'self'", "SAMEORIGIN") } else { ("'none'", "DENY") };
    let policy = format!(
        "default-src 'none'; {frames} style-src {}; script-src 'self'; img-src 'self' data:; form-action {forms}; \
         frame-ancestors {ancestors}; base-uri 'none'",
        app.pages.style_hash()
    );
    let headers = response.headers_mut();
    let mut add = |name: header::HeaderName, value: &str| {
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    add(header::CONTENT_SECURITY_POLICY, &policy);
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // The origin alone: with none at all, browsers send `Origin: null` with our own forms.
    add(header::REFERRER_POLICY, "strict-origin");
    add(header::X_FRAME_OPTIONS, options);
    add(header::CACHE_CONTROL, "no-store");
    add(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    add(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if app.config.origin().starts_with("https://") {
        add(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    response
}
