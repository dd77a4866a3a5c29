# Signing in, confirming who is there, the first sign-in.

sign-in-title = Se connecter à { $portal }
sign-in-title-plain = Se connecter
sign-in-lead = avec votre compte { $service }
sign-in-button = Se connecter
view-label = Vous êtes
view-guardian = Je suis responsable d'élève
view-student = Je suis élève
identifier = Identifiant
identifier-hint = Par exemple c.exemple12.
identifier-hint-student = Par exemple l.exemple34. Il est écrit sur le courrier donné par votre établissement.
password = Mot de passe
forgotten-identifier = Identifiant oublié
forgotten-password = Mot de passe oublié
first-time = Première connexion ?
first-time-line = Vous avez reçu un courrier de l'établissement

reauthenticate-title = Confirmer que c'est vous
reauthenticate-lead = { $portal } vous demande de saisir à nouveau votre mot de passe
reauthenticate-lead-plain = Saisissez à nouveau votre mot de passe pour continuer
not-me = Ce n'est pas moi
continue = Continuer

open-session-title = Continuer vers { $portal }
open-session-title-plain = Continuer
open-session-who = Vous êtes connecté : { $name }

birth-date-title = C'est bien vous ?
birth-date-lead = Pour protéger votre compte, dites-nous votre date de naissance.
birth-date = Date de naissance
birth-date-hint = Par exemple 27 3 2012
date-wrong = Cette date n'est pas celle que connaît l'établissement. Il vous reste { $n ->
        [one] { $n } essai
       *[other] { $n } essais
    }.
date-part-day = le jour
date-part-month = le mois
date-part-year = l'année
list-two = { $first } et { $second }

ask-school-title = Demandez à votre établissement
ask-school-lead = La date de naissance ne correspond pas à celle que connaît l'établissement. Il peut la vérifier avec vous et corriger une erreur.
ask-school-next = Vous pourrez essayer à nouveau demain.
school-contact = Établissement : { $school }
school-phone = Téléphone : { $phone }

new-password-title = Votre mot de passe
new-password-lead = Il remplacera le mot de passe provisoire du courrier.
new-password-lead-asked = Votre mot de passe doit être changé avant de continuer.
new-password-identifier = Votre identifiant
new-password-field = Créez un mot de passe
new-password-hint = 12 caractères ou plus. Trois mots sans rapport font un bon mot de passe.
new-password-button = Créer mon compte
new-password-button-asked = Changer mon mot de passe
pw-new-empty = Choisissez un mot de passe
