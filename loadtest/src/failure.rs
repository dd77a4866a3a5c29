//! Why a flow did not end as it should.

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Failure {
    #[error("refused for overload (503)")]
    Shed,
    #[error("not finished in time")]
    TimedOut,
    #[error("not started: too many flows under way")]
    Crowded,
    #[error("no connection")]
    Connect,
    #[error("connection lost")]
    Broken,
    #[error("status {status} at {step}")]
    Status { step: &'static str, status: u16 },
    #[error("login and password not accepted")]
    Refused,
    #[error("asked for a password although a session was open")]
    Forgotten,
    #[error("page: {0}")]
    Page(&'static str),
    #[error("answer: {0}")]
    Answer(&'static str),
}
