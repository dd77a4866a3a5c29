//! Whether two records say the same.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

/// Tells whether two records are the same, so that an import writes what changed and nothing else.
pub(super) struct Digest(Context);

impl Default for Digest {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Digest {
    pub(super) fn feed(&mut self, text: Option<&str>) {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        self.0.update(&length.to_le_bytes());
        self.0.update(text.unwrap_or_default().as_bytes());
    }

    pub(super) fn text(mut self, text: Option<&str>) -> Self {
        self.feed(text);
        self
    }

    pub(super) fn end(self) -> String {
        let whole = self.0.finish();
        HEXLOWER.encode(whole.as_ref().get(..16).unwrap_or_default())
    }
}
