//! SAML metadata: ours, to be published, and that of relying parties, to be registered.

mod import;
mod publish;

pub use import::{MetadataRefused, Read, Unfit, Warning, read};
pub use publish::{Ours, ours};
