# What a portal will be told, and the person's yes or no.

consent-title = What may we tell { $portal }?
consent-lead = You are signed in: { $name }
consent-list = If you agree, { $portal } will receive:
consent-identifier = a number made for this portal only, which does not say who you are
consent-names = your first name and last name
consent-kind = whether you are a parent or a student
consent-children = your children: their number and their school
consent-school = your school and your year
consent-birth = your date of birth
consent-number = your national student number (INE)
consent-reference = a number that helps to find you in the school's file
consent-moment = the time of this sign-in
consent-offline = access to this information even when you are not on { $portal }
consent-no = If you refuse, you go back to { $portal } without being signed in, and it is told nothing about you.
consent-accept = Agree and continue
consent-decline = Refuse
consent-kept = Your answer is kept. If { $portal } ever wants to know more, you will be asked again.
