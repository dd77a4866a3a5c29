//! Names of nobody.

use crate::model::Stage;

pub(super) const FAMILIES: &[&str] = &[
    "ALBAREDE",
    "AUBRAC",
    "BELLANGER",
    "BERTHOMIER",
    "BOISSIERE",
    "BRAHIMI",
    "CASTAGNET",
    "CHAMPAGNAC",
    "COLOMBEL",
    "DA SILVA",
    "DELACOUR",
    "DIALLO",
    "DUMONTEIL",
    "ESCOFFIER",
    "FARGEAT",
    "FONTANEL",
    "GARDELLE",
    "GUERLAIS",
    "HADDAD",
    "HERVOUET",
    "JOUANNET",
    "KERMADEC",
    "LACHAUME",
    "LAVIGERIE",
    "LE BRAZIDEC",
    "MARCHETTI",
    "MONTFERRAND",
    "NGUYEN",
    "NOGARET",
    "OLIVERO",
    "PELISSIER",
    "PRUDHOMME",
    "QUEYRANNE",
    "RAIMBAULT",
    "ROUSSELIN",
    "SAINT-CLAIR",
    "SOLIGNAC",
    "TANGUY",
    "TOURNEBISE",
    "TRAORE",
    "URBAIN",
    "VASSEUR",
    "VILLENEUVE",
    "YVETOT",
    "ZERBIB",
];
pub(super) const ACCENTED_FAMILIES: &[&str] = &["BÉRANGER-ŒUVRARD", "GÖKÇE", "LAFÔRET", "MÜLLER", "PEÑA", "D'ÉTÉ"];
pub(super) const APOSTROPHED_FAMILIES: &[&str] = &["D'ARVOR", "L'HOSTIS", "N'DIAYE", "O'MALLEY"];
pub(super) const WOMEN: &[&str] = &[
    "Adèle",
    "Aïcha",
    "Anouk",
    "Béatrice",
    "Camille",
    "Céline",
    "Élodie",
    "Fatou",
    "Françoise",
    "Hélène",
    "Inès",
    "Irène",
    "Jeanne",
    "Lætitia",
    "Lina",
    "Maëlle",
    "Marie-Noëlle",
    "Maud",
    "Nadia",
    "Noémie",
    "Rose",
    "Solène",
    "Thi Mai",
    "Zoé",
];
pub(super) const MEN: &[&str] = &[
    "Adrien",
    "Amadou",
    "Aurélien",
    "Baptiste",
    "Clément",
    "Côme",
    "Élie",
    "Félix",
    "Gaël",
    "Hugo",
    "Ismaël",
    "Jean-Loup",
    "Joël",
    "Karim",
    "Léo",
    "Loïc",
    "Mathéo",
    "Naïm",
    "Noé",
    "Raphaël",
    "Rémi",
    "Théo",
    "Tomas",
    "Yann",
];
pub(super) const COLLEGES: &[&str] = &["DES GRANDS PINS", "DU VIEUX MOULIN", "DE L'ÉTANG", "DES TROIS CHEMINS"];
pub(super) const LYCEES: &[&str] = &["DE LA POINTE", "DES HAUTS VENTS", "DU PHARE", "DE LA ROSERAIE"];
pub(super) const TOWNS: &[&str] = &["PORT-BLANC", "VALMORE", "SAINT-ELME", "ROCHEBRUNE", "L'ÎLE-AUX-CHÊNES"];
pub(super) const ECOLES: &[&str] = &["LES HIRONDELLES", "DU BOURG", "JEAN DE LA LUNE", "DES COQUELICOTS"];

/// A family name as files of that stage write it: capitals in secondary schools, capitals at the heads of words in
/// primary ones (AAF pitfall 9).
pub(super) fn in_files_of(stage: Stage, family: &str) -> String {
    if stage == Stage::Secondary {
        return family.to_owned();
    }
    let mut head = true;
    let mut text = String::with_capacity(family.len());
    for letter in family.chars() {
        if head {
            text.push(letter);
        } else {
            text.extend(letter.to_lowercase());
        }
        head = !letter.is_alphabetic();
    }
    text
}
