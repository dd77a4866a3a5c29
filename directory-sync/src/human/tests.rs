//! One test a situation of the field. Everyone is made up.

use time::macros::date;

use super::*;

fn names(family: &str, given: &str, birth: Option<&str>) -> Names {
    Names { family: family.to_owned(), given: given.to_owned(), birth: birth.map(str::to_owned), title: None }
}

fn pupil(source: &str, given: &str, ine: Option<&str>) -> Facts {
    Facts {
        kind: Kind::Student,
        source: source.to_owned(),
        is_present: true,
        is_alone: true,
        names: names("OLIVERO", given, Some("OLIVERO")),
        birth_date: Some(date!(2012 - 11 - 02)),
        ine: ine.map(str::to_owned),
        uai: Some("0359901A".to_owned()),
        school_number: None,
        mail: None,
        mobiles: BTreeSet::new(),
        pupils: BTreeSet::new(),
        is_own_responsible: false,
    }
}

fn adult(source: &str, given: &str) -> Facts {
    Facts {
        kind: Kind::Guardian,
        birth_date: None,
        uai: None,
        mail: Some("olivero@example.org".to_owned()),
        mobiles: BTreeSet::from(["+33639980010".to_owned()]),
        ..pupil(source, given, None)
    }
}

fn left(facts: Facts) -> Facts {
    Facts { is_present: false, ..facts }
}

/// Whichever comes first.
fn both_ways(one: &Facts, other: &Facts) -> Verdict {
    let verdict = judge(one, other);
    assert_eq!(judge(other, one), verdict);
    verdict
}

const INE: Option<&str> = Some("990000001ZZ");

#[test]
fn aaf_pitfall_06_a_pupil_with_a_new_key_is_the_same_by_the_ine() {
    let before = left(pupil("14-2d", "MAELLE", INE));
    assert_eq!(both_ways(&before, &pupil("14-2d", "Maëlle", INE)), Verdict::Certain(Rule::Ine));
    assert_eq!(both_ways(&pupil("5-2d", "Maëlle", INE), &pupil("14-2d", "Maëlle", INE)), Verdict::Certain(Rule::Ine));
    let both = both_ways(&pupil("14-2d", "Maëlle", INE), &pupil("14-2d", "Maëlle", INE));
    assert_eq!(both, Verdict::Review(Rule::IneDisputed), "both are in one delivery");
    let crowded = Facts { is_alone: false, ..pupil("14-2d", "Maëlle", INE) };
    assert_eq!(both_ways(&before, &crowded), Verdict::Review(Rule::IneDisputed));
    assert_eq!(both_ways(&before, &left(pupil("5-2d", "Maëlle", INE))), Verdict::No, "nobody is there");
}

#[test]
fn aaf_pitfall_06_without_an_ine_a_person_decides() {
    let number = |facts: Facts, number: &str| Facts { school_number: Some(number.to_owned()), ..facts };
    let before = number(left(pupil("14-2d", "Maëlle", None)), "990101");
    let now = number(pupil("14-2d", "Maelle", INE), "990101");
    assert_eq!(both_ways(&before, &now), Verdict::Review(Rule::SchoolNumber));
    assert_eq!(both_ways(&before, &number(now.clone(), "990102")), Verdict::No);
    let elsewhere = Facts { uai: Some("0140001B".to_owned()), ..now };
    assert_eq!(both_ways(&before, &elsewhere), Verdict::Review(Rule::NameAndBirth));
    let provisional = pupil("5-2d", "Maëlle", Some("00000000000"));
    assert_eq!(both_ways(&before, &provisional), Verdict::Review(Rule::NameAndBirth));
}

#[test]
fn im_13_twins_and_homonyms_are_never_one() {
    let twin = |given| pupil("14-2d", given, None);
    assert_eq!(both_ways(&twin("Inès"), &twin("Maëlle")), Verdict::No);
    // A clerk typed one twin's number twice.
    assert_eq!(both_ways(&pupil("14-2d", "Inès", INE), &pupil("5-2d", "Maëlle", INE)), Verdict::No);
    let homonym = pupil("5-2d", "Maëlle", Some("990000009ZZ"));
    assert_eq!(both_ways(&pupil("14-2d", "Maëlle", INE), &homonym), Verdict::No);
    assert_eq!(both_ways(&twin("Inès"), &twin("Ines")), Verdict::No, "one source tells its pupils apart");
    let birthday = Facts { birth_date: Some(date!(2012 - 11 - 03)), ..pupil("5-2d", "Maëlle", None) };
    assert_eq!(both_ways(&twin("Maëlle"), &birthday), Verdict::No);
    let disputed = Facts { ine: INE.map(str::to_owned), ..birthday };
    assert_eq!(both_ways(&pupil("14-2d", "Maëlle", INE), &disputed), Verdict::Review(Rule::IneDisputed));
}

#[test]
fn aaf_pitfall_05_a_parent_in_two_academies_is_one_where_all_four_agree() {
    let (here, there) = (adult("14-2d", "Solène"), adult("5-2d", "SOLENE"));
    assert_eq!(both_ways(&here, &there), Verdict::Certain(Rule::Grouping));
    let review = Verdict::Review(Rule::GroupingInPart);
    for less in [
        Facts { mail: None, ..there.clone() },
        Facts { mobiles: BTreeSet::new(), ..there.clone() },
        Facts { mobiles: BTreeSet::from(["+33639980099".to_owned()]), ..there.clone() },
        Facts { is_alone: false, ..there.clone() },
        Facts { names: names("OLIVERO", "Solène", Some("KERMADEC")), ..there.clone() },
        Facts { source: here.source.clone(), ..there.clone() },
    ] {
        assert_eq!(both_ways(&here, &less), review, "{less:?}");
    }
    let name_alone = Facts { mail: None, mobiles: BTreeSet::new(), ..there };
    assert_eq!(both_ways(&here, &name_alone), Verdict::No);
}

#[test]
fn aaf_pitfall_05_a_parent_in_two_degrees_whose_name_is_written_otherwise_is_reviewed() {
    let secondary = Facts { names: names("OLIVERO", "Solène", Some("KERMADEC")), ..adult("14-2d", "") };
    let primary = Facts { names: names("KERMADEC OLIVERO", "Solene", Some("KERMADEC")), ..adult("14-1d", "") };
    assert_eq!(both_ways(&secondary, &primary), Verdict::Review(Rule::GroupingInPart));
    let seen = evidence(&secondary, &primary);
    assert_eq!(seen.same, ["given name", "birth name", "mail", "mobile"]);
    assert_eq!((seen.differs, seen.missing), (vec!["family name"], vec!["birth date"]));
    let only_words = Facts { names: names("KERMADEC OLIVERO", "Solène", None), ..primary.clone() };
    let once = Facts { names: names("OLIVERO", "Solène", None), ..secondary };
    assert_eq!(both_ways(&once, &only_words), Verdict::Review(Rule::GroupingInPart));
    let particle = Facts { names: names("DE LA TOUR", "Solène", None), mail: None, ..primary };
    let other = Facts { names: names("DE LA PLAGE", "Solène", None), ..once };
    assert_eq!(both_ways(&particle, &other), Verdict::No);
}

#[test]
fn im_13_couples_that_share_a_phone_are_never_one() {
    assert_eq!(both_ways(&adult("14-2d", "Solène"), &adult("5-2d", "Tomas")), Verdict::No);
    let titled = |source, title: &str| {
        let mut facts = adult(source, "Dominique");
        facts.names.title = Some(title.to_owned());
        facts
    };
    assert_eq!(both_ways(&titled("14-2d", "M."), &titled("5-2d", "Mme")), Verdict::No);
    assert_eq!(both_ways(&titled("14-2d", "Mlle"), &titled("5-2d", "Mme")), Verdict::Certain(Rule::Grouping));
    let named = |facts| Facts { pupils: BTreeSet::from(["14-2d-7100001".to_owned()]), ..facts };
    let (one, other) = (named(adult("14-2d", "Dominique")), named(adult("14-1d", "Dominique")));
    assert_eq!(both_ways(&one, &other), Verdict::No, "one pupil names both");
}

#[test]
fn im_13_father_and_son_of_one_name_are_never_one() {
    let father = adult("14-2d", "Jean");
    let son = Facts { is_own_responsible: true, ..adult("5-2d", "Jean") };
    assert_eq!(both_ways(&father, &son), Verdict::No);
    let born = |facts, day| Facts { birth_date: Some(day), ..facts };
    let (father, son) = (born(father, date!(1960 - 01 - 01)), born(adult("5-2d", "Jean"), date!(1990 - 01 - 01)));
    assert_eq!(both_ways(&father, &son), Verdict::No);
}

#[test]
fn aaf_pitfall_16_an_adult_pupil_is_not_joined_to_their_record_as_responsible() {
    let own = Facts { is_own_responsible: true, ..adult("14-2d", "Anouk") };
    assert_eq!(both_ways(&pupil("14-2d", "Anouk", INE), &own), Verdict::No);
    let elsewhere = Facts { is_own_responsible: true, ..adult("5-2d", "Anouk") };
    assert_eq!(both_ways(&own, &elsewhere), Verdict::Certain(Rule::Grouping), "in two academies, as any adult");
}

#[test]
fn staff_are_never_joined_here() {
    let staff = |source| Facts { kind: Kind::Staff, ..adult(source, "Irène") };
    assert_eq!(both_ways(&staff("14-2d"), &staff("14-1d")), Verdict::No);
    assert_eq!(both_ways(&staff("14-2d"), &adult("14-1d", "Irène")), Verdict::No);
}

#[test]
fn an_ine_has_one_of_two_shapes() {
    for (text, valid) in [
        ("990000001ZZ", true),
        ("9900000012Z", true),
        ("99000000123", false),
        ("99000000ZZZ", false),
        ("990000001Z", false),
        ("990000001ZZZ", false),
        ("99000000é1Z", false),
    ] {
        assert_eq!(is_valid_ine(text), valid, "{text}");
    }
}

#[test]
fn a_name_in_another_script_is_not_no_name() {
    let named = |source, given| Facts { names: names("李", given, None), ..adult(source, "") };
    assert_eq!(both_ways(&named("14-2d", "小龙"), &named("5-2d", "小红")), Verdict::No);
    assert_eq!(both_ways(&named("14-2d", "小龙"), &named("5-2d", "小龙")), Verdict::Certain(Rule::Grouping));
}
