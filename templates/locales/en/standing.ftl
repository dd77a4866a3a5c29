# Pages that stand by themselves: being stuck, help, and what the law asks for.

forgotten-title = Find my account
forgotten-lead = Your school can give you your username again, and a temporary password.
forgotten-guardian-title = You are a parent or guardian
forgotten-guardian = Call the office of one of your children's schools, or go there with an identity document. Ask for your username and a temporary password.
forgotten-student-title = You are a student
forgotten-student = Talk to a parent, your form teacher or the school office. Say: "I have lost my username or my password for the school portal."
forgotten-then = With the temporary password, come back to the sign-in page: you will then choose a password of your own.
have-letter = I have a letter
have-letter-line = Sign in with what is written on it
back-to-sign-in = Back to sign-in

first-time-title = First sign-in
first-time-lead = To begin, you need the letter from the school.
first-time-letter = I received a letter
first-time-letter-line = Enter the username and the temporary password from the letter
first-time-without-title = You have no letter?
first-time-without = Ask the school office for it. If you have several children, one letter is enough to begin.
first-time-steps-title = What will happen
first-time-step-one = You enter the username and the temporary password.
first-time-step-two = Students give their date of birth.
first-time-step-three = You choose your password, then you reach your portal.

help-title = Help
help-lead = The questions we are asked most.
help-what-title = What is { $service } for?
help-what = { $service } checks that it is really you, then lets you into the school's online portal. One account is enough for all your children.
help-identifier-title = Where do I find my username?
help-identifier = On the letter given by the school. It looks like c.exemple12. Capital letters make no difference.
help-refused-title = My password is refused
help-refused = Check capital letters, and that there is no space at the start or the end. The "Show" button lets you read what you typed.
help-waiting-title = I am asked to wait
help-waiting = After several attempts you must wait a few minutes. Nothing is blocked for ever. A new temporary password given by the school ends the wait.
help-child-title = One of my children is missing
help-child = The links between parents and children come from the school. Ask the school to check your child's record.
help-shared-title = I use a shared computer
help-shared = Sign out when you have finished, then close every browser window.

accessibility-title = Accessibility
accessibility-lead = Accessibility statement of { $service }
accessibility-state-title = Compliance
accessibility-state = { $service } has not yet been audited against RGAA 4.1. Until that audit has taken place, the service is declared not compliant, as the law requires.
accessibility-done-title = What is done
accessibility-done-automatic = Every page is checked by machine, in French and in English, including when it shows an error.
accessibility-done-keyboard = The pages can be used with a keyboard, without a mouse, and work without script.
accessibility-done-zoom = Text can be enlarged; system colours and dark mode are respected.
accessibility-not-title = What is not done yet
accessibility-not = The pages have not yet been tried by people who use a screen reader every day.
accessibility-contact-title = Report a difficulty
accessibility-contact = If a page stops you, contact: { $contact }. You will be given the information or the access in another way.
accessibility-recourse-title = If you get no answer
accessibility-recourse = You can turn to the French Defender of Rights, online (defenseurdesdroits.fr), by telephone on +33 9 69 39 00 00, or by post free of charge: Défenseur des droits, Libre réponse 71120, 75342 Paris CEDEX 07.

privacy-title = Personal data
privacy-lead = What { $service } knows about you, why, and what you can ask for.
privacy-what-title = What we keep
privacy-what = Your name, date of birth and schools, the links between parents and children, your username, a fingerprint of your password (never the password itself) and the dates you signed in.
privacy-origin-title = Where it comes from
privacy-origin = From the directory kept by your school and your academy. To correct a mistake, ask the school.
privacy-why-title = What it is for
privacy-why = To check that it is really you, and to say so to the portal you chose. Nothing else: no advertising, no tracking of what you do.
privacy-who-title = Who receives it
privacy-who = The portal you sign in to, and only what it needs. Two portals do not receive the same number for you.
privacy-cookies-title = Cookies
privacy-cookies = Only two kinds of cookies, needed to sign in and to remember the language. They follow nobody.
privacy-rights-title = Your rights
privacy-rights = You can ask to see your data, to have it corrected, to limit its use or to object to it. Contact: { $contact }. You can also turn to the CNIL, the French data protection authority (cnil.fr).

legal-title = Legal notice
legal-publisher-title = Publisher
legal-publisher = { $service } is operated by: { $operator }.
legal-contact-title = Contact
legal-host-title = Hosting
legal-software-title = Software
legal-software = This service runs on Guichet, free software under the Apache 2.0 licence.

# For the theme folder to say over (locales/en/*.ftl there).
operator-name = not filled in by the operator of this service
operator-contact = your school office
operator-host = Host not filled in by the operator of this service.
