# What every page has around its content.

language-name = Français
language-direction = ltr

page-title = { $title } - { $service }
page-title-error = Erreur : { $title } - { $service }
skip-link = Aller au contenu
languages-label = Langue
portal-for = pour accéder à { $portal }
portal-back = Revenir à { $portal }
footer-label = Informations sur le service
footer-help = Aide
footer-accessibility = Accessibilité
footer-privacy = Données personnelles
footer-legal = Mentions légales
footer-note = { "" }
reference = Référence : { $reference }

errors-title = Il y a un problème
error-prefix = Erreur :

password-show = Afficher le mot de passe
password-show-short = Afficher
password-is-shown = Le mot de passe est affiché.
password-is-hidden = Le mot de passe est masqué.

date-long = { $day ->
        [1] 1er
       *[other] { $day }
    } { $month ->
        [1] janvier
        [2] février
        [3] mars
        [4] avril
        [5] mai
        [6] juin
        [7] juillet
        [8] août
        [9] septembre
        [10] octobre
        [11] novembre
       *[12] décembre
    } { $year }
date-day = Jour
date-month = Mois
date-year = Année
