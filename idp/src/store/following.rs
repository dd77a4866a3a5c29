//! Accounts after the directory: who has left, who is back, what became of identifiers.

use directory::db::{self, Either, on};
use directory::model::PersonId;
use directory::reader::{IdentityChange, IdentityChangeKind, Standing};
