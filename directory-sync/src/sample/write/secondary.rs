//! The records of secondary schools (AAF section 4).

use super::xml::Written;
use super::{french_day, old_link, spaced};
use crate::incoming::{Category, Mef};
use crate::model::{Guardian, Guardianship, Mail, ParentalAuthority, School, Staff, Student};
use crate::sample::Dialect;

pub(super) fn school(school: &School) -> Written {
    let uai = school.uai.as_ref().map(ToString::to_string).unwrap_or_default();
    let (name, town) = school.name.split_once(", ").unwrap_or((&school.name, ""));
    let (kind, name) = name.split_once(' ').unwrap_or(("", name));
    Written::new(Category::Schools, school.id.key().as_str(), "ENTStructureJointure")
        .attr("ENTStructureUAI", [&*uai])
        .attr("ENTEtablissementUAI", [&*uai])
        .attr("ENTStructureNomCourant", [&*format!("{kind}${name}${town}")])
        .attr("ENTStructureTypeStruct", school.kind.as_deref())
        .attr("ENTEtablissementContrat", ["PU"])
        .attr("postOfficeBox", [])
        .attr("l", [town])
        .attr("ENTServAcCodeAcademie", [&*format!("{:03}", school.id.academy().number())])
}

pub(super) fn mef(mef: &Mef, dialect: Dialect) -> Written {
    let stat = mef.level.as_ref().map(|level| format!("{level}0010001"));
    let label = if dialect == Dialect::Current { "NIVEAU" } else { "NIVEAU ANCIEN" };
    Written::new(Category::Mefs, mef.code.as_str(), "ENTMefJointure")
        .attr("ENTLibelleMef", [label])
        .attr("ENTMEFRattach", [mef.code.as_str()])
        .attr("ENTMEFSTAT11", stat.as_deref())
}

pub(super) fn subject(dialect: Dialect) -> Written {
    let label = if dialect == Dialect::Current { "ANGLAIS LV1" } else { "ANGLAIS" };
    Written::new(Category::Subjects, "030201", "ENTMatJointure").attr("ENTLibelleMatiere", [label])
}

pub(super) fn guardian(guardian: &Guardian, dialect: Dialect) -> Written {
    let xml = Written::new(Category::Guardians, guardian.id.key().as_str(), "ENTPersonJointure")
        .attr("ENTPersonDateNaissance", [])
        .names(&guardian.names)
        .attr("homePhone", ["+33 2 61 91 00 99"])
        .attr("telephoneNumber", [])
        .attr("ENTPersonAdresse", ["1 rue des Exemples$$$"])
        .attr("ENTPersonCodePostal", ["99000"])
        .attr("ENTPersonPays", ["FRANCE"]);
    if dialect == Dialect::Of2013 {
        return xml;
    }
    let written: Vec<String> = guardian.mobiles.iter().map(|phone| spaced(phone.as_str())).collect();
    // Of those who have none, half show a land line in its place, as happens.
    let land_line = written.is_empty() && guardian.id.key().as_str().ends_with(['1', '3', '5', '7', '9']);
    xml.attr("mobile", written.iter().map(String::as_str).chain(land_line.then_some("+33 2 61 91 00 99")))
        .attr("ENTPersonMobileSMS", written.first().map(String::as_str))
        .attr("mail", guardian.mail.as_ref().map(Mail::as_str))
}

pub(super) fn student(student: &Student, ties: &[Guardianship], dialect: Dialect) -> Written {
    let school = student.school.as_ref().map(|school| school.key().as_str());
    let classes: Vec<String> =
        student.enrolments.iter().map(|e| format!("{}${}", e.school.key(), e.division)).collect();
    let composite = composite(ties, dialect);
    let mut xml = Written::new(Category::Students, student.id.key().as_str(), "ENTPersonJointure")
        .attr("ENTEleveStructRattachId", student.school_number.as_deref())
        .attr("ENTPersonDateNaissance", [&*french_day(student.birth_date)])
        .names(&student.names)
        .attr("ENTPersonAutresPrenoms", [&*student.names.given, "Camille"]);
    if dialect == Dialect::Current {
        xml = xml.attr("ENTEleveINE", student.ine.as_deref());
    } else {
        let of = |wanted: &dyn Fn(&&Guardianship) -> bool| -> Vec<&str> {
            ties.iter().filter(wanted).map(|tie| tie.guardian.key().as_str()).collect()
        };
        xml = xml
            .attr("ENTEleveParents", of(&|tie| matches!(tie.link, 10 | 20)))
            .attr("ENTElevePere", of(&|tie| tie.link == 20))
            .attr("ENTEleveMere", of(&|tie| tie.link == 10))
            .attr("ENTEleveAutoriteParentale", of(&|tie| tie.authority == ParentalAuthority::Legal));
    }
    xml.attr("ENTElevePersRelEleve", composite.iter().map(String::as_str))
        .attr("ENTEleveBoursier", ["N"])
        .attr("ENTEleveRegime", ["DEMI-PENSIONNAIRE DANS L'ETABLISSEMENT"])
        .attr("ENTEleveStatutEleve", ["SCOLAIRE"])
        .attr("ENTEleveMEF", student.mef.as_deref())
        .attr("ENTPersonStructRattach", school)
        .attr("ENTEleveClasses", classes.iter().map(String::as_str))
        .attr("ENTEleveGroupes", [])
}

fn composite(ties: &[Guardianship], dialect: Dialect) -> Vec<String> {
    let mut legal = 0;
    ties.iter()
        .map(|tie| {
            let is_legal = tie.authority == ParentalAuthority::Legal;
            legal += u8::from(is_legal);
            let (link, level) = match dialect {
                Dialect::Current => (tie.link, tie.authority.level()),
                Dialect::Of2013 => (old_link(tie.link), if is_legal { legal } else { 0 }),
            };
            format!("{}${link}${}${level}$1$0", tie.guardian.key(), u8::from(is_legal && legal == 1))
        })
        .collect()
}

pub(super) fn staff(staff: &Staff, dialect: Dialect) -> Written {
    let school = staff.school.as_ref().map(|school| school.key().as_str());
    let functions: Vec<String> =
        staff.functions.iter().map(|f| format!("{}${}$FONCTION$L0100$POSTE", f.school.key(), f.code)).collect();
    let teaches = staff.functions.iter().any(|function| function.code == "ENS");
    let birth = staff.birth_date.map(french_day);
    let xml = Written::new(Category::Staff, staff.id.key().as_str(), "ENTPersonJointure")
        .attr("ENTPersonDateNaissance", birth.as_deref())
        .names(&staff.names)
        .attr("mail", staff.mail.as_ref().map(Mail::as_str))
        .attr("ENTPersonStructRattach", school)
        .attr("ENTPersonFonctions", functions.iter().map(String::as_str))
        .attr("PersEducNatPresenceDevantEleves", [if teaches { "O" } else { "N" }]);
    if dialect == Dialect::Current { xml.attr("ENTPersonCategorieEnseignant", []) } else { xml }
}
