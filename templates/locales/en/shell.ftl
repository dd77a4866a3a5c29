# What every page has around its content.

language-name = English
language-direction = ltr

page-title = { $title } - { $service }
page-title-error = Error: { $title } - { $service }
skip-link = Skip to content
languages-label = Language
portal-for = to reach { $portal }
portal-back = Back to { $portal }
footer-label = About the service
footer-help = Help
footer-accessibility = Accessibility
footer-privacy = Personal data
footer-legal = Legal notice
footer-note = { "" }
reference = Reference: { $reference }

errors-title = There is a problem
error-prefix = Error:

password-show = Show the password
password-show-short = Show
password-is-shown = The password is shown.
password-is-hidden = The password is hidden.

date-long = { $day } { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }
date-day = Day
date-month = Month
date-year = Year
