# What is said to a family that must do something again; the words are those of the journeys, one message a case.

pair = The username or password does not match. Check capital letters, or choose "Forgotten password".
id-empty = Enter your username
pw-empty = Enter your password
wait = Too many attempts. Try again in { $n ->
        [one] { $n } minute
       *[other] { $n } minutes
    }, or change your password now.
tel-empty = Enter your mobile phone number
tel-form = Enter a mobile number, like 06 12 34 56 78 or +32 470 12 34 56
tel-fixed = This number cannot get text messages. Enter a mobile number.
code-empty = Enter the code you received
code-len = The code has 6 digits
code-wrong = This is not the right code. You have { $n ->
        [one] { $n } attempt
       *[other] { $n } attempts
    } left.
code-old = This code is more than 10 minutes old. We have just sent another one.
code-max = Too many wrong codes. Ask for a new code in { $n ->
        [one] { $n } minute
       *[other] { $n } minutes
    }.
date-empty = Enter the date of birth
date-part = The date of birth must include { $parts }
date-real = This is not a real date
date-past = The date of birth must be in the past
child = This does not match what the school has. Check it on a school report. You have { $n ->
        [one] { $n } attempt
       *[other] { $n } attempts
    } left.
pw-short = The password must have at least 12 characters. It has { $n }.
pw-long = The password can have 128 characters at most. It has { $n }.
pw-common = This password is too common. Try three unrelated words.
pw-self = The password must not contain your name, username or a date of birth
pw-same = Choose a password different from the last one
mail-form = Enter an address like name@example.org
prov-old = This letter is from { $date } and is no longer valid. Use your phone, or ask the school for a new letter.
link-used = This link has already been used. Ask for a new one.
link-old = This link is more than 30 minutes old. Ask for a new one.
fc-none = FranceConnect recognised you, but no school has this name and date of birth.
fc-down = FranceConnect is not answering. Try with your username.
svc-unknown = This sign-in address is not recognised. Start again from your school portal.
busy = Many people are signing in. We will try again in { $n ->
        [one] { $n } second
       *[other] { $n } seconds
    }.
