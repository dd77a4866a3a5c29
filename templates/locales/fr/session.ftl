# Being signed in, leaving, and the portals to go to.

home-title = Choisissez votre portail
home-lead = { $service } vous ouvre l'espace numérique de votre établissement.
home-none = Aucun portail n'est encore relié à ce service.
home-sign-in = Se connecter sans passer par un portail
portal-go = Aller sur { $portal }
portal-sign-in = Se connecter à { $portal }

signed-in-title = Vous êtes connecté
signed-in-lead = Bonjour { $name }, où voulez-vous aller ?
signed-in-none = Bonjour { $name }, repartez de la page d'accueil de votre ENT.
sign-out-link = Se déconnecter

send-title = Retour à votre portail
send-lead = Nous vous ramenons sur { $portal }.
send-lead-plain = Nous vous ramenons sur votre portail.
send-button = Continuer vers { $portal }
send-button-plain = Continuer

sign-out-title = Se déconnecter
sign-out-lead = Vous êtes connecté : { $name }
sign-out-button = Se déconnecter
stay = Rester connecté

signed-out-title = Vous êtes déconnecté.
signed-out-still = Fermez aussi { $portal }
signed-out-shared = Sur un ordinateur partagé, fermez aussi toutes les fenêtres du navigateur.
sign-in-again = Se connecter à nouveau
signing-out-lead = Nous prévenons vos portails. Cela prend quelques secondes.
signing-out-next = Continuer
signing-out-frame = Déconnexion d'un portail
signed-out-told = Vous êtes aussi déconnecté de :
signed-out-close = Se déconnecter de { $portal }
