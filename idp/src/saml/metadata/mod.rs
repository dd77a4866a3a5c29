//! SAML metadata: ours, to be published, and that of relying parties, to be registered.

mod about;
pub mod certificate;
mod encryption;
mod fetched;
mod import;
mod publish;
mod signed;

pub use about::{About, Logo};
pub use fetched::{NotTaken, Taken, Wanted, pinned, take};
pub use import::{MetadataRefused, Read, Unfit, Warning, read};
pub use publish::{Ours, ours};
