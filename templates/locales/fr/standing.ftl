# Pages that stand by themselves: being stuck, help, and what the law asks for.

forgotten-title = Retrouver mon compte
forgotten-lead = Votre établissement peut vous redonner votre identifiant et un mot de passe provisoire.
forgotten-guardian-title = Vous êtes responsable d'élève
forgotten-guardian = Appelez le secrétariat de l'établissement d'un de vos enfants, ou passez-y avec une pièce d'identité. Demandez votre identifiant et un mot de passe provisoire.
forgotten-student-title = Vous êtes élève
forgotten-student = Parlez-en à un parent, à votre professeur principal ou à la vie scolaire. Dites : « J'ai perdu mon identifiant ou mon mot de passe pour l'ENT. »
forgotten-then = Avec le mot de passe provisoire, revenez à la page de connexion : vous choisirez ensuite votre propre mot de passe.
have-letter = J'ai un courrier
have-letter-line = Connectez-vous avec ce qui y est écrit
back-to-sign-in = Retour à la connexion

first-time-title = Première connexion
first-time-lead = Pour commencer, il vous faut le courrier de l'établissement.
first-time-letter = J'ai reçu un courrier
first-time-letter-line = Saisissez l'identifiant et le mot de passe provisoire du courrier
first-time-without-title = Vous n'avez pas de courrier ?
first-time-without = Demandez-le au secrétariat de l'établissement. Si vous avez plusieurs enfants, un seul courrier suffit pour commencer.
first-time-steps-title = Ce qui va se passer
first-time-step-one = Vous saisissez l'identifiant et le mot de passe provisoire.
first-time-step-two = Les élèves donnent leur date de naissance.
first-time-step-three = Vous choisissez votre mot de passe, puis vous arrivez sur votre portail.

help-title = Aide
help-lead = Les questions que l'on nous pose le plus.
help-what-title = À quoi sert { $service } ?
help-what = { $service } vérifie que c'est bien vous, puis vous laisse entrer dans l'espace numérique (ENT) de l'établissement. Un seul compte suffit pour tous vos enfants.
help-identifier-title = Où trouver mon identifiant ?
help-identifier = Sur le courrier donné par l'établissement. Il ressemble à c.exemple12. Les majuscules n'y changent rien.
help-refused-title = Mon mot de passe est refusé
help-refused = Vérifiez les majuscules, et qu'il n'y a pas d'espace au début ou à la fin. Le bouton « Afficher » vous laisse relire ce que vous avez tapé.
help-waiting-title = On me demande d'attendre
help-waiting = Après plusieurs essais, il faut attendre quelques minutes. Rien n'est bloqué pour toujours. Un nouveau mot de passe provisoire donné par l'établissement supprime l'attente.
help-child-title = Il manque un de mes enfants
help-child = Les liens entre parents et enfants viennent de l'établissement. Demandez-lui de vérifier la fiche de votre enfant.
help-shared-title = J'utilise un ordinateur partagé
help-shared = Déconnectez-vous quand vous avez fini, puis fermez toutes les fenêtres du navigateur.

accessibility-title = Accessibilité
accessibility-lead = Déclaration d'accessibilité de { $service }
accessibility-state-title = État de conformité
accessibility-state = { $service } n'a pas encore été audité selon le RGAA 4.1. Tant que cet audit n'a pas eu lieu, le service est déclaré non conforme, comme le demande la loi.
accessibility-done-title = Ce qui est fait
accessibility-done-automatic = Chaque page est contrôlée par une machine, en français et en anglais, y compris quand une erreur s'affiche.
accessibility-done-keyboard = Les pages se parcourent au clavier, sans souris, et fonctionnent sans script.
accessibility-done-zoom = Le texte peut être agrandi, les couleurs du système et le mode sombre sont respectés.
accessibility-not-title = Ce qui ne l'est pas encore
accessibility-not = Les pages n'ont pas encore été essayées par des personnes qui utilisent un lecteur d'écran tous les jours.
accessibility-contact-title = Signaler une difficulté
accessibility-contact = Si une page vous bloque, adressez-vous à : { $contact }. L'information ou l'accès vous sera donné d'une autre façon.
accessibility-recourse-title = Si vous n'avez pas de réponse
accessibility-recourse = Vous pouvez saisir le Défenseur des droits, par internet (defenseurdesdroits.fr), par téléphone au 09 69 39 00 00 ou par courrier gratuit, sans timbre : Défenseur des droits, Libre réponse 71120, 75342 Paris CEDEX 07.

privacy-title = Données personnelles
privacy-lead = Ce que { $service } sait de vous, pourquoi, et ce que vous pouvez demander.
privacy-what-title = Ce que nous gardons
privacy-what = Vos nom, prénom, date de naissance et établissements, les liens entre parents et enfants, votre identifiant, une empreinte de votre mot de passe (jamais le mot de passe lui-même) et les dates de vos connexions.
privacy-origin-title = D'où cela vient
privacy-origin = De l'annuaire tenu par votre établissement et votre académie. Pour corriger une erreur, adressez-vous à l'établissement.
privacy-why-title = À quoi cela sert
privacy-why = À vérifier que c'est bien vous, et à le dire au portail que vous avez choisi. Rien d'autre : ni publicité, ni mesure de ce que vous faites.
privacy-who-title = Qui le reçoit
privacy-who = Le portail où vous vous connectez, et seulement ce dont il a besoin. Deux portails ne reçoivent pas le même numéro pour vous.
privacy-cookies-title = Cookies
privacy-cookies = Deux sortes de cookies seulement, nécessaires à la connexion et au choix de la langue. Ils ne suivent personne.
privacy-rights-title = Vos droits
privacy-rights = Vous pouvez demander à voir vos données, à les faire corriger, à en limiter l'usage ou à vous y opposer. Adressez-vous à : { $contact }. Vous pouvez aussi saisir la CNIL (cnil.fr).

legal-title = Mentions légales
legal-publisher-title = Éditeur
legal-publisher = { $service } est mis en œuvre par : { $operator }.
legal-contact-title = Contact
legal-host-title = Hébergement
legal-software-title = Logiciel
legal-software = Ce service fonctionne avec Guichet, un logiciel libre sous licence Apache 2.0.

# For the theme folder to say over (locales/fr/*.ftl there).
operator-name = non renseigné par l'exploitant de ce service
operator-contact = le secrétariat de votre établissement
operator-host = Hébergeur non renseigné par l'exploitant de ce service.
