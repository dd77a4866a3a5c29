//! Who may sign in, and what is said about them to whom.
//!
//! Rooms, from the ground up: `config`, `clock`, `chance`; `domain` (rules without I/O); `keys`, `text`, `theme`,
//! `outbound` (the one way to other servers), `mutual_tls`; `store` (all SQL); `signing` (which key for whom); `saml` and `oidc` (pure
//! protocols); `accounts` and `parties` (deeds); `web`; then `serve` here and `cli`. Imports go downwards only, which a
//! test keeps. The directory of people is another crate, read through `directory::reader`.

pub mod accounts;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod jobs;
pub mod keys;
pub mod mutual_tls;
pub mod oidc;
pub mod outbound;
pub mod parties;
pub mod saml;
pub mod serve;
pub mod signing;
pub mod store;
pub mod text;
pub mod theme;
pub mod web;
