# Pages that stop someone: what happened, then what to do next.

cookies-title = Cookies are blocked
cookies-lead = Your browser refuses the small file that lets us recognise you while you sign in. Three steps to allow it:
cookies-step-one = Open your browser's settings, then "Privacy" or "Cookies".
cookies-step-two = Allow cookies, at least for this site.
cookies-step-three = Come back here and choose "Try again".
retry = Try again

not-open-title = This portal is not open to you
not-open-students = { $portal } is not open to students.
not-open-guardians = { $portal } is not open to parents and guardians.
not-open-staff = { $portal } is not open to staff.
not-open-next = A question? The school knows which portal is meant for you.

closed-title = This account is closed
closed-since = This account has not been active since { $date }.
closed-next = If this is a mistake, the school can correct it.

problem-home = Go to the home page
problem-sign-in = Sign in
unknown-service-title = Unknown sign-in address
not-found-title = Page not found
not-found-lead = This page does not exist, or no longer exists. Check the address, or start again from your school portal.
method-title = This page does not open this way
method-lead = Start again from your school portal.
too-large-title = Too much was sent
too-large-lead = What was sent is too big to be handled. Start again from your school portal.
too-many-title = Too many requests
too-many-lead = Many requests are coming from your connection. Wait one minute, then try again.
expired-title = This page has been open for a long time
expired-lead = Nothing is lost: sign in and you will reach your portal.
internal-title = Something did not work
internal-lead = This comes from our side, not from you. Try again in a few minutes. If it goes on, give this reference to your school.
refused-title = The sign-in did not go through
refused-lead = The request sent by the portal cannot be handled. Start again from its home page. If it goes on, give this reference to your school.
forged-title = This page must be loaded again
forged-lead = For your safety, the form was not taken into account. Start again from the sign-in page.
busy-title = One moment, please
busy-keep = Keep this page open.
retry-now = Try again now
