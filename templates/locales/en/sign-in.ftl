# Signing in, confirming who is there, the first sign-in.

sign-in-title = Sign in to { $portal }
sign-in-title-plain = Sign in
sign-in-lead = with your { $service } account
sign-in-button = Sign in
view-label = You are
view-guardian = I am a parent or guardian
view-student = I am a student
identifier = Username
identifier-hint = For example c.exemple12.
identifier-hint-student = For example l.exemple34. It is on the letter your school gave you.
password = Password
forgotten-identifier = Forgotten username
forgotten-password = Forgotten password
first-time = First time here?
first-time-line = You received a letter from the school

reauthenticate-title = Confirm it is you
reauthenticate-lead = { $portal } asks you to enter your password again
reauthenticate-lead-plain = Enter your password again to continue
not-me = This is not me
continue = Continue

open-session-title = Continue to { $portal }
open-session-title-plain = Continue
open-session-who = You are signed in: { $name }

birth-date-title = Is it really you?
birth-date-lead = To protect your account, tell us your date of birth.
birth-date = Date of birth
birth-date-hint = For example 27 3 2012
date-wrong = This is not the date the school has. You have { $n ->
        [one] { $n } attempt
       *[other] { $n } attempts
    } left.
date-part-day = a day
date-part-month = a month
date-part-year = a year
list-two = { $first } and { $second }

ask-school-title = Ask your school
ask-school-lead = The date of birth does not match the one the school has. The school can check it with you and correct a mistake.
ask-school-next = You can try again tomorrow.
school-contact = School: { $school }
school-phone = Telephone: { $phone }

new-password-title = Your password
new-password-lead = It will replace the temporary password from the letter.
new-password-lead-asked = Your password must be changed before you continue.
new-password-identifier = Your username
new-password-field = Create a password
new-password-hint = 12 characters or more. Three unrelated words make a good password.
new-password-button = Create my account
new-password-button-asked = Change my password
pw-new-empty = Choose a password
