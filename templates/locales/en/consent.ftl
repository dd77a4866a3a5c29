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

consents-title = What you have agreed to
consents-list = You have agreed that these portals receive:
consents-none = No portal receives anything because you agreed to it.
consents-take-back = Tell { $portal } nothing more
consents-done = Done. This portal will ask you again before it receives anything.
consents-known = A portal keeps what it has already received: ask it to erase that if you no longer want it to have it.
consents-back = Back to your portals
consents-link = What you have agreed to
