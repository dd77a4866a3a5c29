//! The records of primary schools (AAF section 6): other names of attributes, neither trainings nor subjects, and
//! legal representatives only among a pupil's adults.

use super::xml::Written;
use super::{french_day, old_link, spaced};
use crate::incoming::Category;
use crate::model::{Enrolment, Guardian, Guardianship, Mail, ParentalAuthority, School, Staff, Student};
use crate::sample::Dialect;

pub(super) fn school(school: &School) -> Written {
    let uai = school.uai.as_ref().map(ToString::to_string);
    let (name, town) = school.name.split_once(", ").unwrap_or((&school.name, ""));
    let (kind, name) = name.split_once(' ').unwrap_or(("", name));
    Written::new(Category::Schools, school.id.key().as_str(), "ENTStructureJointure")
        .attr("ENTStructureUAI", uai.as_deref())
        .attr("ENTStructureSIREN", [])
        .attr("ENTStructureNomCourant", [&*format!("{kind}${name}${town}")])
        .attr("ENTStructureTypeStruct", school.kind.as_deref())
        .attr("ENTEcoleMinistereTutelle", ["MINISTERE DE L'EDUCATION NATIONALE"])
        .attr("ENTEtablissementContrat", ["PU"])
        .attr("ENTStructureVille", [town])
        .attr("ENTServAcCodeAcademie", [&*format!("{:03}", school.id.academy().number())])
}

pub(super) fn guardian(guardian: &Guardian, dialect: Dialect) -> Written {
    let xml = Written::new(Category::Guardians, guardian.id.key().as_str(), "ENTPersonJointure")
        .attr("ENTPersonDateNaissance", [])
        .names_of_primary(&guardian.names)
        .attr("ENTPersonTelPerso", [])
        .attr("ENTPersRelEleveTelPro", [])
        .attr("ENTPersonAdresse", ["1 rue des Exemples$$$"])
        .attr("ENTPersonCodePostal", ["99000"])
        .attr("ENTPersonPays", ["FRANCE"])
        .attr("ENTPersonAdresseDiffusion", ["O"]);
    if dialect == Dialect::Of2013 {
        return xml;
    }
    let mobile = guardian.mobiles.first().map(|phone| national(phone.as_str()));
    xml.attr("ENTPersRelEleveTelMobile", mobile.as_deref())
        .attr("ENTPersonMail", guardian.mail.as_ref().map(Mail::as_str))
}

/// `0639980010`, as the forms of schools have it.
fn national(phone: &str) -> String {
    phone.strip_prefix("+33").map_or_else(|| spaced(phone), |rest| format!("0{rest}"))
}

pub(super) fn student(student: &Student, ties: &[Guardianship], dialect: Dialect) -> Written {
    let school = student.school.as_ref().map(|school| school.key().as_str());
    let classes: Vec<String> = student.enrolments.iter().map(class).collect();
    let legal: Vec<String> = ties
        .iter()
        .filter(|tie| tie.authority == ParentalAuthority::Legal)
        .map(|tie| {
            let link = if dialect == Dialect::Current { tie.link } else { old_link(tie.link) };
            format!("{}${link}", tie.guardian.key())
        })
        .collect();
    let label = student.enrolments.first().and_then(|enrolment| enrolment.division.split(' ').next());
    let level = student.level.as_ref().map(|level| format!("{level}${}", label.unwrap_or_default()));
    let mut xml = Written::new(Category::Students, student.id.key().as_str(), "ENTPersonJointure")
        .attr("ENTPersonDateNaissance", [&*french_day(student.birth_date)])
        .names_of_primary(&student.names)
        .attr("ENTPersonAutresPrenoms", [&*student.names.given]);
    if dialect == Dialect::Current {
        xml = xml.attr("ENTEleveINE", student.ine.as_deref());
    }
    xml.attr("ENTEleveAutoriteParentale", legal.iter().map(String::as_str))
        .attr("ENTPersonStructRattach", school)
        .attr("ENTPersonClasses", classes.iter().map(String::as_str))
        .attr("ENTPersonGroupes", [])
        .attr("ENTEleveNiveau", level.as_deref())
        .attr("ENTEleveTypeClasse", ["11$ORDINAIRE"])
        .attr("ENTEleveRestaurantScolaire", ["O"])
        .attr("ENTEleveTransport", ["N"])
        .attr("ENTEleveGarderieMatin", ["N"])
        .attr("ENTEleveGarderieSoir", ["N"])
        .attr("ENTEleveEtudesSurveillees", ["N"])
}

/// Five fields. The number of the class says no more than its label and is made of it.
fn class(enrolment: &Enrolment) -> String {
    let number = enrolment.division.bytes().fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 100_000);
    format!("{}$11$ORDINAIRE${number}${}", enrolment.school.key(), enrolment.division)
}

pub(super) fn staff(staff: &Staff) -> Written {
    let school = staff.school.as_ref().map(|school| school.key().as_str());
    let functions: Vec<String> =
        staff.functions.iter().map(|f| format!("{}${}$FONCTION$G0000$POSTE", f.school.key(), f.code)).collect();
    let teaches = staff.functions.iter().any(|function| function.code == "ENS");
    let heads = staff.functions.iter().filter(|function| function.code == "DIR");
    let birth = staff.birth_date.map(french_day);
    Written::new(Category::Staff, staff.id.key().as_str(), "ENTPersonJointure")
        .attr("ENTPersonDateNaissance", birth.as_deref())
        .names_of_primary(&staff.names)
        .attr("ENTPersonMail", staff.mail.as_ref().map(Mail::as_str))
        .attr("ENTPersonStructRattach", school)
        .attr("ENTPersonFonctions", functions.iter().map(String::as_str))
        .attr("ENTEnsFonctionDir", heads.map(|function| function.school.key().as_str()))
        .attr("ENTPersonCategorieEnseignant", [if teaches { "O" } else { "N" }])
}
