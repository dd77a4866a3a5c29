//! What an ENT understands of an answer: the same attributes arrive over both protocols, under the same names.

use serde::Serialize;

/// The person as the ENT's page shows them.
#[derive(Debug, Serialize)]
pub(crate) struct Person {
    name: String,
    subject: String,
    profiles: Vec<String>,
    children: Vec<Child>,
    rows: Vec<Row>,
    raw: Vec<Raw>,
    /// Where the browser goes to end the session of the identity provider.
    sign_out_url: String,
}

#[derive(Debug, Serialize, PartialEq)]
struct Child {
    stage: &'static str,
    number: String,
    school: String,
}

#[derive(Debug, Serialize)]
struct Row {
    label: String,
    name: String,
    values: Vec<String>,
}

/// One part of the answer as it was received.
#[derive(Debug, Serialize)]
pub(crate) struct Raw {
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

/// An attribute by the name it came with.
pub(crate) type Attribute = (String, Vec<String>);

impl Person {
    pub(crate) fn read(subject: &str, attributes: &[Attribute], raw: Vec<Raw>, sign_out_url: String) -> Self {
        let first = |names: [&str; 2]| {
            let found = attributes.iter().find(|(name, _)| names.contains(&name.as_str()));
            found.and_then(|(_, values)| values.first()).map_or("", String::as_str)
        };
        let given = first(["givenName", "given_name"]);
        let family = first(["sn", "family_name"]);
        let name = match format!("{given} {family}").trim() {
            "" => "Personne sans nom transmis".to_owned(),
            name => name.to_owned(),
        };
        Self {
            name,
            subject: subject.to_owned(),
            profiles: values(attributes, "FrEduCtPersonAffiliation").map(|value| profile(value)).collect(),
            children: values(attributes, "FrEduVecteur").filter_map(|value| child(value)).collect(),
            rows: attributes.iter().map(row).collect(),
            raw,
            sign_out_url,
        }
    }
}

fn values<'a>(attributes: &'a [Attribute], wanted: &'a str) -> impl Iterator<Item = &'a String> {
    attributes.iter().filter(move |(name, _)| name == wanted).flat_map(|(_, values)| values)
}

fn profile(affiliation: &str) -> String {
    match affiliation {
        "resp1d" => "Responsable d'élève, premier degré (école)".to_owned(),
        "resp2d" => "Responsable d'élève, second degré (collège ou lycée)".to_owned(),
        "eleve1d" => "Élève du premier degré (école)".to_owned(),
        "eleve2d" => "Élève du second degré (collège ou lycée)".to_owned(),
        other => other.to_owned(),
    }
}

/// A guardian's `FrEduVecteur`: profile, the guardian's names, then the pupil's number and school.
fn child(vector: &str) -> Option<Child> {
    let mut fields = vector.split('|');
    let stage = match fields.next()? {
        "1" => "École",
        "2" => "Collège ou lycée",
        _ => return None,
    };
    let (number, school) = (fields.nth(2)?.to_owned(), fields.next()?.to_owned());
    Some(Child { stage, number, school })
}

fn row((name, values): &Attribute) -> Row {
    let label = match name.as_str() {
        "sn" | "family_name" => "Nom",
        "givenName" | "given_name" => "Prénom",
        "personalTitle" => "Civilité",
        "FrEduUrlRetour" => "Adresse de déconnexion",
        "FrEduCtDateConnexion" => "Date de connexion",
        "FrEduCtPersonAffiliation" => "Profil",
        "FrEduCtId" => "Identifiant opaque",
        "FrEduCtRefId" => "Fiche dans l'annuaire",
        "FrEduVecteur" => "Lien avec l'annuaire",
        "FrEduCtEleveINE" => "Identifiant national élève",
        "FrEduCtEleveINEHash" => "Empreinte de l'identifiant national",
        "FrEduCtDateNaissance" | "birthdate" => "Date de naissance",
        "FrEduCtEleveUAI" => "Établissement (UAI)",
        "FrEduCtEleveNiveau" => "Niveau",
        "FrEduOrigAuth" => "Origine de l'authentification",
        other => other,
    };
    let values = match name.as_str() {
        "FrEduCtEleveNiveau" => values.iter().map(|code| level(code)).collect(),
        "FrEduCtPersonAffiliation" => values.iter().map(|value| profile(value)).collect(),
        _ => values.clone(),
    };
    Row { label: label.to_owned(), name: name.clone(), values }
}

/// MEFSTAT4 in words, where families would know the word.
fn level(code: &str) -> String {
    let words = match code {
        "2115" => "4e",
        "2116" => "3e",
        "2211" => "2de",
        "2212" => "1re",
        "2213" => "terminale",
        _ => return code.to_owned(),
    };
    format!("{code} ({words})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, values: &[&str]) -> Attribute {
        (name.to_owned(), values.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_guardian_is_shown_with_each_child() {
        let person = Person::read(
            "X",
            &[
                attribute("sn", &["EXEMPLE"]),
                attribute("givenName", &["Camille"]),
                attribute("FrEduCtPersonAffiliation", &["resp1d", "resp2d"]),
                attribute("FrEduVecteur", &["2|EXEMPLE|Camille|1001|0131234A", "1|EXEMPLE|Camille|77|0139999B"]),
            ],
            Vec::new(),
            String::new(),
        );
        assert_eq!(person.name, "Camille EXEMPLE");
        assert_eq!(person.profiles.len(), 2);
        let child = |stage, number: &str, school: &str| Child { stage, number: number.into(), school: school.into() };
        assert_eq!(person.children, [child("Collège ou lycée", "1001", "0131234A"), child("École", "77", "0139999B")]);
    }

    #[test]
    fn a_pupil_has_no_children_in_their_own_vector() {
        let person = Person::read("X", &[attribute("FrEduVecteur", &["4|||1001|0131234A"])], Vec::new(), String::new());
        assert!(person.children.is_empty());
    }

    #[test]
    fn an_unknown_attribute_keeps_its_name() {
        assert_eq!(row(&attribute("urn:oid:1.2.3", &["x"])).label, "urn:oid:1.2.3");
    }
}
