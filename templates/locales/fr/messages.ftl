# What is said to a family that must do something again; the words are those of the journeys, one message a case.

pair = L'identifiant ou le mot de passe ne correspond pas. Vérifiez les majuscules, ou choisissez « Mot de passe oublié ».
id-empty = Saisissez votre identifiant
pw-empty = Saisissez votre mot de passe
wait = Trop d'essais. Réessayez dans { $n ->
        [one] { $n } minute
       *[other] { $n } minutes
    }, ou changez votre mot de passe maintenant.
tel-empty = Saisissez votre numéro de téléphone portable
tel-form = Saisissez un numéro de portable, comme 06 12 34 56 78 ou +32 470 12 34 56
tel-fixed = Ce numéro ne reçoit pas de SMS. Saisissez un numéro de portable.
code-empty = Saisissez le code reçu
code-len = Le code a 6 chiffres
code-wrong = Ce n'est pas le bon code. Il vous reste { $n ->
        [one] { $n } essai
       *[other] { $n } essais
    }.
code-old = Ce code a plus de 10 minutes. Nous venons d'en envoyer un autre.
code-max = Trop de codes différents. Demandez un nouveau code dans { $n ->
        [one] { $n } minute
       *[other] { $n } minutes
    }.
date-empty = Saisissez la date de naissance
date-part = Il manque { $parts } dans la date de naissance
date-real = Cette date n'existe pas
date-past = La date de naissance doit être dans le passé
child = Ces informations ne correspondent pas à celles de l'établissement. Vérifiez-les sur un bulletin ou un carnet. Il vous reste { $n ->
        [one] { $n } essai
       *[other] { $n } essais
    }.
pw-short = Le mot de passe doit avoir au moins 12 caractères. Il en a { $n }.
pw-long = Le mot de passe peut avoir 128 caractères au plus. Il en a { $n }.
pw-common = Ce mot de passe est trop courant. Choisissez par exemple trois mots sans rapport.
pw-self = Le mot de passe ne doit pas contenir votre nom, votre identifiant ou une date de naissance
pw-same = Choisissez un mot de passe différent du précédent
mail-form = Saisissez une adresse comme nom@exemple.fr
prov-old = Ce courrier date du { $date }, il n'est plus valable. Utilisez votre téléphone, ou demandez un nouveau courrier à l'établissement.
link-used = Ce lien a déjà servi. Demandez-en un nouveau.
link-old = Ce lien a plus de 30 minutes. Demandez-en un nouveau.
fc-none = FranceConnect vous a reconnu, mais aucun établissement n'a ces nom et date de naissance.
fc-down = FranceConnect ne répond pas. Essayez avec votre identifiant.
svc-unknown = Cette adresse de connexion n'est pas reconnue. Repartez de la page d'accueil de votre ENT.
busy = Beaucoup de personnes se connectent. Nous réessayons dans { $n ->
        [one] { $n } seconde
       *[other] { $n } secondes
    }.
