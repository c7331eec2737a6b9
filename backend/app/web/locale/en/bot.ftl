## What the bot says. Ids are app.domain.wording.Text; attributes are buttons, at most 20 characters.
## A continuation line must not begin with * [ . or } (Fluent reads those as syntax).

# First words

welcome = 👋 Hi { $name }! This is *{ $shop }*.
    Send me a PDF, Word file or photo and I'll print it.
    B&W { $bw } · Colour { $color } per page.
send-a-file = 📎 Please send the file you want printed: PDF, Word or photo.
    B&W { $bw } · Colour { $color } per page.
help = ℹ️ Send a file to print it. Any time you can write:
    status, back, cancel, price, delete, human or stop.
prices = 💰 *{ $shop }*
    B&W { $bw } · Colour { $color } per page.

# Questions

got-file = 📄 *{ $doc }* — { $pages ->
        [one] 1 page
       *[other] { $pages } pages
    }. { $colored ->
        [0] All black & white.
        [one] Colour on page { $list }.
       *[other] Colour on pages { $list }.
    }
ask-print-type = How should I print it: black & white or colour?
    .bw = B&W { $bw }
    .mix = Mix (both) { $mix }
    .color = Colour { $color }
ask-copies = 🔢 How many copies? Tap, or type 1–{ $max }.
    .copies-1 = 1 copy
    .copies-2 = 2 copies
    .copies-5 = 5 copies
err-choice = Please tap one of the buttons, or reply { $count ->
        [2] 1 or 2
       *[other] 1, 2 or 3
    }.
err-copies = Please send a number from 1 to { $max }.
err-copies-many = For more than { $max } copies please reply *human*; the shop will help you.
err-too-expensive = { $total } is more than one payment can carry. Please choose fewer copies, or reply *human*.
stale-button = That button is from an earlier question. Here is where we are now:
nothing-to-go-back = There is nothing to go back to. Send a file to start.

# Paying

preparing-link = ⏳ One moment, I'm making your payment link for { $total }.
summary = 🧾 { $type ->
        [BW] Black & white
        [COLOR] Colour
       *[BOTH] Mix (colour pages in colour, the rest B&W)
    } · { $pages ->
        [one] 1 page
       *[other] { $pages } pages
    } × { $copies ->
        [one] 1 copy
       *[other] { $copies } copies
    }
    Total *{ $total }*. Pay here: { $link }
    Printing starts as soon as you pay. The link works for { $minutes ->
        [one] 1 minute
       *[other] { $minutes } minutes
    }.
    .counter = Pay at counter
    .back = Change something
    .cancel = Cancel
pay-counter = 🪙 Order *{ $code }* is waiting. Pay { $total } at the counter and we'll print it.
paid = ✅ { $total } received. Your token is *{ $token }*.
    { $ahead ->
        [0] You're next.
        [one] 1 order before you.
       *[other] { $ahead } orders before you.
    }
    Track it or get your receipt: { $link }
pay-failed = ❌ The payment didn't go through, and nothing was printed. Try again: { $link }
pay-reminder = 🔔 Your order of { $total } is still waiting. Pay here: { $link }
pay-expired = ⌛ The time to pay has run out, so I closed this order. Nothing was charged. Send the file again if you still want it.
pay-twice = ↩️ { $total } reached us a second time for { $token }. It is going back to the account you paid from, usually in 5–7 working days.
pay-after-cancel = ↩️ { $total } reached us for order { $token }, which was cancelled. It is going back to the account you paid from, usually in 5–7 working days.
pay-file-gone = ↩️ { $total } reached us for order { $token }, but the file it was for is no longer there. The money is going back to the account you paid from. Please order again.
pay-unclear = 🙋 { $total } reached us but doesn't match your order. The shop is looking at it and will write to you here; please don't pay again.

# Printing and after

ready = 🖨️ *Ready!* Show token *{ $token }* at the counter.
delayed = 🕐 Token *{ $token }* is taking longer than usual. The shop is on it, and you have nothing more to pay.
refund-started = ↩️ { $total } is going back to the account you paid from, usually in 5–7 working days.
refunded = ↩️ { $total } refunded (reference { $reference }). Banks usually take 5–7 working days.
refund-failed = 🙋 Your refund of { $total } came back from the bank. The money is safe: the shop knows and is on it, and you have nothing to do.
paid-back = ↩️ The shop has paid { $total } back to you by hand.
credit-kept = 🤝 { $total } stays with the shop as your credit, as agreed. Show this message when you want to use it.

# Any time

status-none = You have no open order. Send a file to start.
status-draft = 📄 *{ $doc }* is waiting for your answer:
status-waiting-payment = 💳 Your order of { $total } waits for payment: { $link }
status-queue = 🕐 Token *{ $token }* is paid. { $ahead ->
        [0] You're next.
        [one] 1 order before you.
       *[other] { $ahead } orders before you.
    }
status-printing = 🖨️ Token *{ $token }* is printing now.
status-checking = 🕐 Token *{ $token }* is taking longer. The shop is on it.
status-ready = 🖨️ Token *{ $token }* is ready at the counter.
cancelled = ✖️ Cancelled. Nothing was charged. Send a file whenever you like.
nothing-to-cancel = There is no open order to cancel. Send a file to start.
cannot-cancel-paid = 💳 Token *{ $token }* is already paid ({ $total }). Reply *human* and the shop can stop it and refund you, if it isn't printed yet.
human = 🙋 I've called someone from the shop. They'll reply here soon.
deleted = 🗑️ Your files are deleted from our system.
delete-later = 🗑️ Your other files are deleted. The one you paid for goes as soon as it is printed.
stopped = 👍 I won't write again, except about orders you have paid for. Send START to undo.
started = 👍 I'm back. Send a file to print it.

# Files

file-held = 📎 *{ $doc }* ({ $pages ->
        [one] 1 page
       *[other] { $pages } pages
    }) is kept. I'll ask about it after this order.
too-many-files = 📎 I can keep { $count } files at a time. Please send *{ $doc }* again after this order.
still-opening = ⏳ One moment, I'm still opening your file.
err-media = I can't print this. Please send a PDF, Word file or photo.
err-us = 😕 Something went wrong on our side, so I closed this order. Nothing was charged, and the shop knows. Please send the file again, or reply *human*.
refused-unsupported = 😕 I can't open this kind of file. Please send one of these: { $accepts }.
refused-too-big = 😕 This file is too big; I can take up to { $max_mb } MB. Please make it smaller, or bring it on a pen drive.
refused-too-many-pages = 😕 This file has more than { $max_pages } pages. Please send it in parts.
refused-page-too-large = 😕 A page of this file is larger than we can print. Please save it as A4 and send it again.
refused-too-complex = 😕 This file is too heavy to prepare. Please use “Print to PDF” on your device and send that PDF.
refused-empty = 😕 This file has no pages. Please check it and send it again.
refused-broken = 😕 I couldn't open this file; it looks damaged. Please send it again.
refused-locked = 🔒 This file has a password. Please send a copy without one.
refused-wrong-password = 🔒 That password didn't open it. Please send a copy without a password.
refused-form-only = 😕 This form can't be printed as it is. Please use “Print to PDF” on your device and send that PDF.
refused-page-count = 😕 I'm not sure how many pages this file has. Please save it as PDF and send that.
refused-macros = 😕 This file carries macros, so I don't open it. Please save it as PDF and send that.
refused-no-converter = 😕 I can't print Word files here right now. Please save it as PDF and send that.
refused-converter = 😕 I couldn't turn this file into pages correctly. Please save it as PDF and send that.
refused-not-fetched = 😕 WhatsApp didn't give me that file. Please send it once more.
ask-password = 🔒 This file is locked. Send me its password: I use it once and keep it nowhere. Or send an unlocked copy.
password-wrong = 🔒 That password didn't open it. Check capital letters and try again, or send an unlocked copy.
id-card-offer = 🪪 These two photos look like the two sides of a card. Put both on one page, in true size?
    .one = Both on one page
    .two = Two pages
making-sheet = ✂️ Laying your photo out. One moment.
sheet-failed = 😕 I couldn't lay these photos out on one page. I'll print them as they are.
