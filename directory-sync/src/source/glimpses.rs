//! Records asked about before they are read: most of what comes each night was known yesterday, letter by letter, and
//! reading it is most of what an unchanged delivery costs.
//!
//! A print stands for a text and the way it is read. Whoever stored a record with its print, and finds the same print
//! under the same key again, need not be told what it says. The key is only guessed from the text, so it decides nothing:
//! a wrong guess finds another print, or none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::BASE64_NOPAD;

use super::envelope::Sealed;
use crate::incoming::{Category, Glimpse, Incoming, Origin, Print, READING, Recognised, Source};
use crate::model::SourceKey;

/// Records in one question.
const TOGETHER: usize = 512;
/// Questions that wait for their answers while more is read.
const UNANSWERED: usize = 4;

/// A record that was cut out and not yet read.
pub(super) struct Unread {
    pub(super) category: Category,
    pub(super) sealed: Sealed,
    pub(super) origin: Origin,
}

/// The questions of one delivery.
#[derive(Default)]
pub(super) struct Glimpses {
    /// Whether anybody answers.
    pub(super) asks: bool,
    /// Whether somebody did.
    is_useful: bool,
    waiting: Vec<(SourceKey, Unread)>,
    asked: VecDeque<(Vec<Unread>, Receiver<Recognised>)>,
}

impl Glimpses {
    pub(super) fn new(asks: bool) -> Self {
        Self { asks, ..Self::default() }
    }

    /// Takes a record to be asked about; gives the question once there is enough to ask.
    pub(super) fn add(&mut self, key: SourceKey, unread: Unread) -> Option<Incoming> {
        self.waiting.push((key, unread));
        (self.waiting.len() == TOGETHER).then(|| self.ask())
    }

    /// What still waits, as a question.
    pub(super) fn last(&mut self) -> Option<Incoming> {
        (!self.waiting.is_empty()).then(|| self.ask())
    }

    fn ask(&mut self) -> Incoming {
        let (sender, receiver) = channel();
        let (mut glimpses, mut unread) = (Vec::with_capacity(TOGETHER), Vec::with_capacity(TOGETHER));
        for (key, one) in std::mem::take(&mut self.waiting) {
            glimpses.push(Glimpse { category: one.category, key, origin: one.origin.clone() });
            unread.push(one);
        }
        self.asked.push_back((unread, receiver));
        Incoming::Glimpses(glimpses, sender)
    }

    /// The records of the oldest question, that were not recognised: only of one that has waited long enough, or where
    /// `all` must come to their end. Waits for the answer. The number of those recognised beside.
    pub(super) fn answered(&mut self, all: bool) -> Option<(Vec<Unread>, u64)> {
        // The answer to the first one says whether there is any use in asking.
        let patience = if self.is_useful { UNANSWERED } else { 0 };
        if self.asked.len() <= patience && !all {
            return None;
        }
        let (mut unread, answer) = self.asked.pop_front()?;
        let before = unread.len();
        match answer.recv() {
            Ok(Recognised::Each(known)) => {
                self.is_useful = true;
                let mut known = known.into_iter();
                unread.retain(|_| !known.next().unwrap_or(false));
            }
            // Nobody there: the next thing handed on will say so.
            Ok(Recognised::Never) | Err(_) => self.asks = false,
        }
        let recognised = before - unread.len();
        Some((unread, recognised as u64))
    }
}

/// The print of a record's text. `before_2020` is the meaning of field 4, on which the relations of pupils hang.
pub(super) fn print(source: Source, category: Category, before_2020: bool, text: &str) -> Print {
    let mut context = Context::new(&SHA256);
    context.update(READING.as_bytes());
    context.update(source.to_string().as_bytes());
    context.update(&[0, category as u8, u8::from(before_2020)]);
    context.update(text.as_bytes());
    Arc::from(BASE64_NOPAD.encode(context.finish().as_ref().get(..16).unwrap_or_default()))
}
