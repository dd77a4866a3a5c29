//! Whether two records say the same.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::incoming::READING;

/// Tells what is told of a record from anything else, so that an import writes what changed and nothing else.
/// `before_2020` is for the few whose relations would be other ones with the older meaning of field 4.
pub(super) fn digest(told: &str, before_2020: bool) -> String {
    let mut context = Context::new(&SHA256);
    context.update(READING.as_bytes());
    context.update(&[u8::from(before_2020)]);
    context.update(told.as_bytes());
    HEXLOWER.encode(context.finish().as_ref().get(..16).unwrap_or_default())
}
