//! Whether two records are the same human: the rule, and why it may be trusted.
//!
//! A wrong join shows a child to a stranger, a missed one costs a parent a second password: so a rule is certain only
//! where everything that could contradict it has been looked at, and all else waits for a person (IM-13). Pure: who is
//! compared, and what becomes of the answer, is for `writer::human`.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::Serialize;
use time::Date;

use crate::model::{Names, spelling};

/// Who a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Student,
    Guardian,
    Staff,
}

/// What is compared of a record.
#[derive(Debug, Clone)]
pub struct Facts {
    pub kind: Kind,
    /// `<academy>-<stage>`, with `-private` for private schools' own.
    pub source: String,
    /// Whether the last delivery of the source still had it.
    pub is_present: bool,
    /// At most one present record of its source has the same evidence (a pupil's INE; an adult's first name with the
    /// mail or a mobile), and nobody anywhere bears the INE with another birth date or first name.
    pub is_alone: bool,
    pub names: Names,
    pub birth_date: Option<Date>,
    pub ine: Option<String>,
    /// The school's national code and the pupil's number there.
    pub uai: Option<String>,
    pub school_number: Option<String>,
    pub mail: Option<String>,
    pub mobiles: BTreeSet<String>,
    /// The pupils whose records name this adult.
    pub pupils: BTreeSet<String>,
    /// An adult pupil's second record, as their own responsible (link 70; AAF pitfall 16).
    pub is_own_responsible: bool,
}

/// What made two records look like one human.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The same INE, birth date and first name.
    Ine,
    /// The same INE and first name, but something is wrong with it.
    IneDisputed,
    /// No INE to compare; the same number in the same school, birth date and names.
    SchoolNumber,
    /// No INE to compare; the same birth date and names.
    NameAndBirth,
    /// The same name, first name, mail and mobile.
    Grouping,
    /// Some of these.
    GroupingInPart,
}

impl Rule {
    /// As stored and shown.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ine => "ine",
            Self::IneDisputed => "ine-disputed",
            Self::SchoolNumber => "school-number",
            Self::NameAndBirth => "name-and-birth",
            Self::Grouping => "grouping",
            Self::GroupingInPart => "grouping-in-part",
        }
    }
}

/// What the rule says of two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// One human: joined without asking.
    Certain(Rule),
    /// Perhaps one human: a person decides.
    Review(Rule),
    /// Two humans, or nothing says otherwise.
    No,
}

/// What agrees, differs or is missing between two records; names what was compared, never a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Evidence {
    pub same: Vec<&'static str>,
    pub differs: Vec<&'static str>,
    pub missing: Vec<&'static str>,
}

/// The first name as it is compared: stored beside the record so that the database finds candidates by it.
#[must_use]
pub fn folded(names: &Names) -> String {
    spelling::plain(&names.given)
}

/// Whether two records are the same human. The order does not matter.
#[must_use]
pub fn judge(one: &Facts, other: &Facts) -> Verdict {
    // Whoever has left everywhere has no account to join. Nobody is ever joined without the same first name: it is
    // what tells twins apart, couples that share everything else, and parents from children.
    if !(one.is_present || other.is_present) || comparable(&one.names.given) != comparable(&other.names.given) {
        return Verdict::No;
    }
    match (one.kind, other.kind) {
        (Kind::Student, Kind::Student) => judge_students(one, other),
        (Kind::Guardian, Kind::Guardian) => judge_guardians(one, other),
        // A pupil and an adult are two profiles, so two accounts, even where they are one human (AAF pitfall 16). Staff
        // sign in elsewhere, by their academic address.
        _ => Verdict::No,
    }
}

fn judge_students(one: &Facts, other: &Facts) -> Verdict {
    let share_a_source = one.source == other.source;
    let is_told_apart = share_a_source && one.is_present && other.is_present;
    let birth = compared(one.birth_date, other.birth_date);
    match compared(valid_ine(one), valid_ine(other)) {
        // Certain: the INE is national, given once to a pupil for the whole of school, so a second key under it is the
        // same pupil who moved (another source) or was entered anew (the former key has left, AAF pitfall 6). It is
        // typed by hand, so it must agree with birth date and first name, and be nobody else's in either source.
        Compared::Same if birth == Compared::Same && !is_told_apart && one.is_alone && other.is_alone => {
            Verdict::Certain(Rule::Ine)
        }
        Compared::Same => Verdict::Review(Rule::IneDisputed),
        // Twins with like names, and homonyms: two numbers are two pupils, whatever else agrees.
        Compared::Differs => Verdict::No,
        Compared::Missing => {
            // A source knows its own pupils: two of its present records are two pupils.
            if is_told_apart || birth != Compared::Same || family(one, other) != Family::Same {
                return Verdict::No;
            }
            match (compared(one.uai.as_ref(), other.uai.as_ref()), numbers(one, other)) {
                // Not certain: school databases give the numbers of pupils who left a second time.
                (Compared::Same, Compared::Same) => Verdict::Review(Rule::SchoolNumber),
                (Compared::Same, Compared::Differs) => Verdict::No,
                // Never more than a question: homonyms born on one day are found in every large academy (IM-13).
                _ => Verdict::Review(Rule::NameAndBirth),
            }
        }
    }
}

fn judge_guardians(one: &Facts, other: &Facts) -> Verdict {
    // A pupil's record that names two adults says that they are two: couples, a father and a son of one name.
    let are_named_by_one_pupil = !one.pupils.is_disjoint(&other.pupils);
    // An adult pupil as own responsible is not the parent of the same name.
    let is_one_a_pupil = one.is_own_responsible != other.is_own_responsible;
    let contradiction = compared(one.birth_date, other.birth_date) == Compared::Differs
        || compared(is_woman(one), is_woman(other)) == Compared::Differs;
    if are_named_by_one_pupil || is_one_a_pupil || contradiction {
        return Verdict::No;
    }
    let (mail, mobile) = (mails(one, other), mobiles(one, other));
    let birth_name = compared(birth_name(one), birth_name(other));
    match (family(one, other), mail, mobile) {
        // Certain: this is the field's own automatic grouping (name, first name, e-mail and mobile; AAF pitfall 5). The
        // mail and the mobile are what codes are sent to: who reads both already holds both accounts. Only across
        // sources, where one human has a record in each by construction, and only where either record could be
        // joined to no other.
        (Family::Same, Compared::Same, Compared::Same)
            if one.source != other.source
                && same_name_in_use(one, other)
                && birth_name != Compared::Differs
                && one.is_alone
                && other.is_alone =>
        {
            Verdict::Certain(Rule::Grouping)
        }
        // Names change with marriage and are written otherwise in each source; one mail or phone serves a household.
        (Family::Same | Family::Overlaps, Compared::Same, _)
        | (Family::Same | Family::Overlaps, _, Compared::Same)
        | (Family::Differs, Compared::Same, Compared::Same) => Verdict::Review(Rule::GroupingInPart),
        _ => Verdict::No,
    }
}

/// What a person who decides is shown.
#[must_use]
pub fn evidence(one: &Facts, other: &Facts) -> Evidence {
    let family = match family(one, other) {
        Family::Same if same_name_in_use(one, other) => Compared::Same,
        _ => Compared::Differs,
    };
    let mut compared = vec![
        ("given name", Compared::Same),
        ("family name", family),
        ("birth name", compared(birth_name(one), birth_name(other))),
        ("birth date", compared(one.birth_date, other.birth_date)),
    ];
    if one.kind == Kind::Student {
        compared.extend([
            ("INE", self::compared(valid_ine(one), valid_ine(other))),
            ("school", self::compared(one.uai.as_ref(), other.uai.as_ref())),
            ("school number", numbers(one, other)),
        ]);
    } else {
        compared.extend([("mail", mails(one, other)), ("mobile", mobiles(one, other))]);
    }
    let mut evidence = Evidence::default();
    for (what, outcome) in compared {
        match outcome {
            Compared::Same => evidence.same.push(what),
            Compared::Differs => evidence.differs.push(what),
            Compared::Missing => evidence.missing.push(what),
        }
    }
    if !(one.is_alone && other.is_alone) {
        evidence.differs.push("a third record has the same");
    }
    evidence
}

/// 9 digits and 2 letters, or the older 10 digits and a letter; anything else is provisional or a placeholder.
#[must_use]
pub fn is_valid_ine(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.len() == 11 && matches!(digits, 9 | 10) && text.bytes().skip(digits).all(|b| b.is_ascii_alphabetic())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Same,
    Differs,
    Missing,
}

fn compared<T: PartialEq>(one: Option<T>, other: Option<T>) -> Compared {
    match (one, other) {
        (Some(one), Some(other)) if one == other => Compared::Same,
        (Some(_), Some(_)) => Compared::Differs,
        _ => Compared::Missing,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// A name of one, in use or at birth, is a name of the other.
    Same,
    /// A word of one is a word of the other: `KERMADEC OLIVERO` and `OLIVERO`.
    Overlaps,
    Differs,
}

fn family(one: &Facts, other: &Facts) -> Family {
    let whole = |facts: &Facts| -> BTreeSet<String> {
        [Some(&facts.names.family), facts.names.birth.as_ref()].into_iter().flatten().map(|n| comparable(n)).collect()
    };
    // Particles are everybody's.
    let words = |facts: &Facts| -> BTreeSet<String> {
        let names = [Some(&facts.names.family), facts.names.birth.as_ref()];
        names.into_iter().flatten().flat_map(|n| spelling::words(n)).filter(|word| word.len() > 2).collect()
    };
    if !whole(one).is_disjoint(&whole(other)) {
        Family::Same
    } else if !words(one).is_disjoint(&words(other)) {
        Family::Overlaps
    } else {
        Family::Differs
    }
}

fn same_name_in_use(one: &Facts, other: &Facts) -> bool {
    comparable(&one.names.family) == comparable(&other.names.family)
}

fn birth_name(facts: &Facts) -> Option<String> {
    facts.names.birth.as_deref().map(comparable)
}

fn valid_ine(facts: &Facts) -> Option<String> {
    facts.ine.as_deref().filter(|ine| is_valid_ine(ine)).map(str::to_ascii_uppercase)
}

fn numbers(one: &Facts, other: &Facts) -> Compared {
    compared(one.school_number.as_ref(), other.school_number.as_ref())
}

fn mails(one: &Facts, other: &Facts) -> Compared {
    let mail = |facts: &Facts| facts.mail.as_ref().map(|mail| mail.to_lowercase());
    compared(mail(one), mail(other))
}

fn mobiles(one: &Facts, other: &Facts) -> Compared {
    if one.mobiles.is_empty() || other.mobiles.is_empty() {
        return Compared::Missing;
    }
    if one.mobiles.is_disjoint(&other.mobiles) { Compared::Differs } else { Compared::Same }
}

/// Where the title tells: it is empty for one adult in four (AAF section 4.2).
fn is_woman(facts: &Facts) -> Option<bool> {
    match spelling::plain(facts.names.title.as_deref()?).as_str() {
        "m" | "mr" | "monsieur" => Some(false),
        "mme" | "mlle" | "madame" | "mademoiselle" => Some(true),
        _ => None,
    }
}

/// Without case, accents and signs; a name in another script as it is, rather than as nothing.
fn comparable(name: &str) -> String {
    let plain = spelling::plain(name);
    if plain.is_empty() { name.trim().to_lowercase() } else { plain }
}
