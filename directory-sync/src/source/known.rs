//! The names of attributes that the two dialects are known to have (AAF sections 4 and 6), so that new ones are
//! counted, and of those the ones that are read: of nobody is more kept than what this directory tells.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::incoming::{Attribute, Category};
use crate::model::Stage;

/// What is known of one name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    attribute: Option<&'static Attribute>,
    /// Bits of categories.
    read: u8,
    secondary: u8,
    primary: u8,
}

const fn bit(category: Category) -> u8 {
    1 << category as u8
}

impl Known {
    /// Nothing of a name that no dialect has.
    pub(super) fn named(name: &str) -> Self {
        static KNOWN: LazyLock<HashMap<&str, Known>> = LazyLock::new(all);
        KNOWN.get(name).copied().unwrap_or_default()
    }

    pub(super) const fn is_of(self, category: Category) -> bool {
        (self.secondary | self.primary) & bit(category) != 0
    }

    /// The attribute under which a category's values are kept.
    pub(super) fn kept(self, category: Category) -> Option<&'static Attribute> {
        self.attribute.filter(|_| self.read & bit(category) != 0)
    }

    /// The stage whose dialect alone has the name.
    pub(super) const fn stage(self, category: Category) -> Option<Stage> {
        match (self.primary & bit(category) != 0, self.secondary & bit(category) != 0) {
            (true, false) => Some(Stage::Primary),
            (false, true) => Some(Stage::Secondary),
            _ => None,
        }
    }
}

fn all() -> HashMap<&'static str, Known> {
    let mut known: HashMap<&str, Known> = HashMap::new();
    for category in Category::ALL {
        let [read, secondary, primary] = names(category);
        for attribute in read.split_ascii_whitespace().filter_map(Attribute::named) {
            for name in attribute.names() {
                let entry = known.entry(name).or_default();
                entry.attribute = Some(attribute);
                entry.read |= bit(category);
            }
        }
        for name in secondary.split_ascii_whitespace() {
            known.entry(name).or_default().secondary |= bit(category);
        }
        for name in primary.split_ascii_whitespace() {
            known.entry(name).or_default().primary |= bit(category);
        }
    }
    known
}

/// The name of the attribute that repeats the identifier.
pub(super) const fn key(category: Category) -> &'static str {
    match category {
        Category::Schools => "ENTStructureJointure",
        Category::Mefs => "ENTMefJointure",
        Category::Subjects => "ENTMatJointure",
        Category::Guardians | Category::Students | Category::Staff => "ENTPersonJointure",
    }
}

/// What `interpret` reads, then what secondary and primary schools' files hold.
const fn names(category: Category) -> [&'static str; 3] {
    match category {
        Category::Schools => [
            "ENTStructureUAI ENTEtablissementUAI ENTStructureNomCourant ENTStructureTypeStruct",
            "ENTStructureJointure ENTStructureUAI ENTEtablissementUAI ENTStructureSIREN ENTStructureNomCourant \
             ENTStructureTypeStruct ENTStructureCodeTypeStruct ENTEtablissementMinistereTutelle \
             ENTEtablissementCodeMinistereTutelle ENTEtablissementContrat postOfficeBox street postalCode l \
             telephoneNumber facsimileTelephoneNumber ENTStructureMailSI ENTEtablissementStructRattachFctl \
             ENTEtablissementBassin ENTServAcAcademie ENTServAcCodeAcademie ENTStructureClasses ENTStructureGroupes",
            "ENTStructureJointure ENTStructureUAI ENTStructureSIREN ENTStructureNomCourant ENTStructureTypeStruct \
             ENTStructureCodeTypeStruct ENTEcoleMinistereTutelle ENTEcoleCodeMinistereTutelle ENTEtablissementContrat \
             ENTStructureBoitePostale ENTStructureAdresse ENTStructureCodePostal ENTStructureVille \
             ENTStructureTelephone ENTStructureFax ENTStructureEmail ENTStructureMailSI ENTServAcAcademie \
             ENTServAcCodeAcademie ENTEcoleSecteur ENTEcoleCirconscription ENTEcoleCommune ENTEcoleRPI",
        ],
        Category::Mefs => {
            ["ENTMEFSTAT11", "ENTMefJointure ENTLibelleMef ENTMEFRattach ENTMEFSTAT11 ENTNivFormation ENTFiliere", ""]
        }
        Category::Subjects => ["", "ENTMatJointure ENTLibelleMatiere ENTMatiereRattach", ""],
        Category::Guardians => [
            "sn givenName personalTitle ENTPersonNomPatro ENTPersonDateNaissance mobile ENTPersonMobileSMS mail",
            "ENTPersonJointure ENTPersonDateNaissance ENTPersonNomPatro sn givenName ENTPersonAutresPrenoms \
             personalTitle homePhone telephoneNumber mobile ENTPersonMobileSMS mail ENTPersonAdresse \
             ENTPersonCodePostal ENTPersonVille ENTPersonPays ENTPersonAdresseDiffusion ENTAuxPersRelEleveEleve",
            "ENTPersonJointure ENTPersonDateNaissance ENTPersonNom ENTPersonPrenom ENTPersonAutresPrenoms \
             ENTPersonNomPatro ENTPersonCivilite ENTPersonTelPerso ENTPersRelEleveTelPro ENTPersRelEleveTelMobile \
             ENTPersonMail ENTPersonAdresse ENTPersonCodePostal ENTPersonVille ENTPersonPays \
             ENTPersonAdresseDiffusion ENTPersRelEleveEleve",
        ],
        Category::Students => [STUDENTS_READ, STUDENTS, PRIMARY_STUDENTS],
        Category::Staff => [
            "sn givenName personalTitle ENTPersonNomPatro ENTPersonDateNaissance mail ENTPersonStructRattach \
             ENTPersonFonctions ENTEnsFonctionDir",
            "ENTPersonJointure ENTPersonDateNaissance ENTPersonNomPatro sn givenName ENTPersonAutresPrenoms \
             personalTitle mail ENTPersonStructRattach ENTPersonFonctions PersEducNatPresenceDevantEleves \
             ENTPersonCategorieEnseignant ENTEnsFonctionDir ENTAuxEnsCategoDiscipline ENTAuxEnsDisciplinesPoste \
             ENTAuxEnsMEF ENTAuxEnsMatiereEnseignEtab ENTAuxEnsClasses ENTAuxEnsGroupes ENTAuxEnsClassesMatieres \
             ENTAuxEnsGroupesMatieres ENTAuxEnsClassesPrincipal ENTPersonSTSId",
            "ENTPersonJointure ENTPersonDateNaissance ENTPersonNom ENTPersonPrenom ENTPersonAutresPrenoms \
             ENTPersonNomPatro ENTPersonCivilite ENTPersonMail ENTPersonStructRattach ENTPersonFonctions \
             ENTPersonFonctionsDate ENTEnsFonctionDir ENTEnsFonctionDirDate ENTEnsSpecialites \
             ENTEnsSpecialitesDate ENTPersonCategorieEnseignant ENTPersonStructRattachDate",
        ],
    }
}

const STUDENTS_READ: &str = "sn givenName personalTitle ENTPersonNomPatro ENTPersonDateNaissance ENTEleveINE \
    ENTEleveStructRattachId ENTPersonStructRattach ENTEleveMEF ENTEleveNiveau ENTEleveClasses ENTPersonClasses \
    ENTElevePersRelEleve ENTEleveAutoriteParentale ENTEleveParents ENTElevePere ENTEleveMere ENTElevePersRelEleve1 \
    ENTElevePersRelEleve2";
const STUDENTS: &str = "ENTPersonJointure ENTEleveINE ENTEleveStructRattachId ENTEleveStructureRattachIdMEN \
    ENTPersonDateNaissance ENTPersonNomPatro sn givenName ENTPersonAutresPrenoms personalTitle ENTElevePersRelEleve \
    ENTEleveParents ENTElevePere ENTEleveMere ENTEleveAutoriteParentale ENTElevePersRelEleve1 ENTElevePersRelEleve2 \
    ENTEleveQualitePersRelEleve1 ENTEleveQualitePersRelEleve2 ENTEleveBoursier ENTEleveRegime ENTEleveTransport \
    ENTEleveStatutEleve ENTPersonAdresse ENTPersonCodePostal ENTPersonVille ENTPersonPays ENTEleveAdresseRel mail \
    homePhone ENTEleveMEF ENTEleveLibelleMEF ENTEleveNivFormation ENTEleveFiliere ENTEleveCodeEnseignements \
    ENTEleveEnseignements ENTPersonStructRattach ENTEleveDateEntreeStructRattach ENTEleveDateSortieStructRattach \
    ENTEleveClasses ENTEleveGroupes ENTEleveDateEntreeClasses ENTEleveDateSortieClasses \
    ENTEleveEnseignementsEtablissementsAccueil";
const PRIMARY_STUDENTS: &str = "ENTPersonJointure ENTEleveINE ENTPersonDateNaissance ENTPersonNom ENTPersonPrenom \
    ENTPersonAutresPrenoms ENTPersonNomPatro ENTPersonCivilite ENTPersonMail ENTPersonStructRattach \
    ENTEleveAutoriteParentale ENTPersonClasses ENTPersonGroupes ENTEleveNiveau ENTEleveCycle ENTEleveTypeClasse \
    ENTEleveDateEntreeClasses ENTEleveDateSortieClasses ENTEleveDateEntreeStructRattach \
    ENTEleveDateSortieStructRattach ENTEleveRestaurantScolaire ENTEleveTransport ENTEleveGarderieMatin \
    ENTEleveGarderieSoir ENTEleveEtudesSurveillees";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::ATTRIBUTES;

    #[test]
    fn every_attribute_that_is_kept_is_read_of_some_category() {
        for attribute in ATTRIBUTES {
            for name in attribute.names() {
                let known = Known::named(name);
                let read = |category: &Category| known.kept(*category) == Some(attribute);
                assert!(Category::ALL.iter().any(read), "{name}");
            }
        }
        for category in Category::ALL {
            let read = names(category)[0].split_ascii_whitespace();
            assert!(read.clone().all(|name| Attribute::named(name).is_some()), "{category:?}");
            assert!(
                Known::named(key(category)).is_of(category) && Known::named(key(category)).kept(category).is_none()
            );
        }
    }

    #[test]
    fn of_a_pupil_no_address_is_kept() {
        assert!(Known::named("mail").kept(Category::Guardians).is_some());
        assert!(Known::named("mail").kept(Category::Students).is_none());
        assert!(Known::named("mail").is_of(Category::Students));
        assert!(!Known::named("ENTNouveau").is_of(Category::Students));
    }

    #[test]
    fn a_name_of_one_dialect_tells_the_stage() {
        let of = |name| Known::named(name).stage(Category::Students);
        assert_eq!(of("ENTPersonNom"), Some(Stage::Primary));
        assert_eq!(of("sn"), Some(Stage::Secondary));
        assert_eq!(of("ENTEleveINE"), None);
    }
}
