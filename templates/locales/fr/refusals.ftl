# Pages that stop someone: what happened, then what to do next.

cookies-title = Les cookies sont bloqués
cookies-lead = Votre navigateur refuse le petit fichier qui permet de vous reconnaître pendant la connexion. Trois étapes pour l'autoriser :
cookies-step-one = Ouvrez les réglages de votre navigateur, puis « Confidentialité » ou « Cookies ».
cookies-step-two = Autorisez les cookies, au moins pour ce site.
cookies-step-three = Revenez ici et choisissez « Réessayer ».
retry = Réessayer

not-open-title = Ce portail ne vous est pas ouvert
not-open-students = { $portal } n'est pas ouvert aux élèves.
not-open-guardians = { $portal } n'est pas ouvert aux responsables d'élèves.
not-open-staff = { $portal } n'est pas ouvert aux personnels.
not-open-next = Une question ? L'établissement sait quel portail vous est destiné.

closed-title = Ce compte est fermé
closed-since = Ce compte n'est plus actif depuis le { $date }.
closed-next = Si c'est une erreur, l'établissement peut la corriger.

problem-home = Aller à l'accueil
problem-sign-in = Se connecter
unknown-service-title = Adresse de connexion inconnue
not-found-title = Page introuvable
not-found-lead = Cette page n'existe pas ou n'existe plus. Vérifiez l'adresse, ou repartez de la page d'accueil de votre ENT.
method-title = Cette page ne s'ouvre pas ainsi
method-lead = Repartez de la page d'accueil de votre ENT.
too-large-title = Envoi trop volumineux
too-large-lead = Ce qui a été envoyé est trop gros pour être traité. Repartez de la page d'accueil de votre ENT.
too-many-title = Trop de demandes
too-many-lead = Beaucoup de demandes viennent de votre connexion. Attendez une minute, puis réessayez.
expired-title = Cette page est restée ouverte longtemps
expired-lead = Rien n'est perdu : connectez-vous, vous arriverez sur votre portail.
internal-title = Quelque chose n'a pas marché
internal-lead = Cela vient de notre côté, pas de vous. Réessayez dans quelques minutes. Si cela continue, donnez cette référence à votre établissement.
refused-title = La connexion n'a pas abouti
refused-lead = La demande envoyée par le portail ne peut pas être traitée. Repartez de sa page d'accueil. Si cela continue, donnez cette référence à votre établissement.
forged-title = Cette page doit être rechargée
forged-lead = Pour votre sécurité, le formulaire n'a pas été pris en compte. Recommencez depuis la page de connexion.
busy-title = Un instant, s'il vous plaît
busy-keep = Gardez cette page ouverte.
retry-now = Réessayer maintenant
