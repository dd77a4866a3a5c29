# Being signed in, leaving, and the portals to go to.

home-title = Choose your portal
home-lead = { $service } opens your school's online space.
home-none = No portal is linked to this service yet.
home-sign-in = Sign in without a portal
portal-go = Go to { $portal }
portal-sign-in = Sign in to { $portal }

signed-in-title = You are signed in
signed-in-lead = Hello { $name }, where do you want to go?
signed-in-none = Hello { $name }, start again from your school portal.
sign-out-link = Sign out

send-title = Back to your portal
send-lead = We are taking you back to { $portal }.
send-lead-plain = We are taking you back to your portal.
send-button = Continue to { $portal }
send-button-plain = Continue

sign-out-title = Sign out
sign-out-lead = You are signed in: { $name }
sign-out-button = Sign out
stay = Stay signed in

signed-out-title = You are signed out.
signed-out-still = Also close { $portal }
signed-out-shared = On a shared computer, also close every browser window.
sign-in-again = Sign in again
signing-out-lead = We are telling your portals. This takes a few seconds.
signing-out-next = Continue
signing-out-frame = Signing out of a portal
signed-out-told = You are also signed out of:
signed-out-close = Sign out of { $portal }
