# What a portal will be told, and the person's yes or no.

consent-title = Que dire à { $portal } ?
consent-lead = Vous êtes connecté : { $name }
consent-list = Si vous acceptez, { $portal } recevra :
consent-identifier = un numéro fait pour ce portail seul, qui ne dit pas qui vous êtes
consent-names = votre nom et votre prénom
consent-kind = si vous êtes parent ou élève
consent-children = vos enfants : leur numéro et leur établissement
consent-school = votre établissement et votre niveau
consent-birth = votre date de naissance
consent-number = votre numéro national d'élève (INE)
consent-reference = un numéro qui aide à vous retrouver dans le fichier de l'établissement
consent-moment = l'heure de cette connexion
consent-offline = l'accès à ces informations même quand vous n'êtes pas sur { $portal }
consent-no = Si vous refusez, vous revenez sur { $portal } sans être connecté, et rien ne lui est dit de vous.
consent-accept = Accepter et continuer
consent-decline = Refuser
consent-kept = Votre accord est gardé. Si { $portal } veut en savoir plus un jour, la question vous sera posée de nouveau.

consents-title = Ce que vous avez accepté
consents-list = Vous avez accepté que ces portails reçoivent :
consents-none = Aucun portail ne reçoit quelque chose parce que vous l'avez accepté.
consents-take-back = Ne plus rien dire à { $portal }
consents-done = C'est fait. Ce portail vous demandera de nouveau votre accord avant de recevoir quoi que ce soit.
consents-known = Un portail garde ce qu'il a déjà reçu : demandez-lui de l'effacer si vous ne voulez plus qu'il l'ait.
consents-back = Retour à vos portails
consents-link = Ce que vous avez accepté
