## Texts of the pages. A continuation line must not begin with * [ . or }

# Shared

ink-bw = B&W
ink-color = Colour
ink-both = Mix
ink-both-pages = Mix · { $colored } in colour
pages = { $pages ->
        [one] 1 page
       *[other] { $pages } pages
    }
wish-both-sides = both sides
wish-paper = { $paper }
wish-pages = pages { $list }
wish-per-side = { $count } pages per side
total = Total
age-now = now
age-minutes = { $count } min
age-hours = { $count } h
age-days = { $count } d
no-name = Customer
no-file = File not here yet

# Where an order is, for staff

state-draft = Choosing
state-waiting = Waiting for payment
state-queued = To print
state-printing = Printing
state-check = Did it print?
state-failed = Failed
state-hold = On hold
state-ready = Ready for pickup
state-collected = Handed over
state-cancelled = Cancelled
state-expired = Expired
state-refunded = Refunded

# The customer's page

c-title = Your print order
c-your-token = Your token
c-your-order = Your order
c-draft = Waiting for your answer in WhatsApp
c-preparing = Getting your file ready
c-waiting = Waiting for payment
c-counter = Pay at the counter
c-queued = { $ahead ->
        [0] Paid — you're next
        [one] Paid — 1 order before you
       *[other] Paid — { $ahead } orders before you
    }
c-printing = Printing now
c-check = Taking longer — the shop is on it
c-failed = Delayed — the shop is on it
c-hold = On hold at the shop
c-ready = Ready — collect at the counter
c-collected = Collected. Thank you!
c-cancelled = Cancelled
c-expired = The time to pay has run out
c-refunded = Refunded
c-step-paid = Paid
c-step-queue = In queue
c-step-printing = Printing
c-step-ready = Ready
c-steps = Progress: { $done } of 4 steps done
c-pay = Pay { $total }
c-pay-until = The link works till { $until }.
c-counter-hint = Say this code at the counter and pay { $total } there; then we print.
c-note-received = Payment received. Thank you!
c-note-confirming = Confirming with the bank… You can go back to WhatsApp, we will message you. Please don't pay again.
c-note-failed = The last payment did not go through. You can try again.
c-note-not-through = The payment did not go through, and this order is closed. Send your file again in WhatsApp.
c-note-unclear = Your payment reached us and the shop is looking at it. Please don't pay again.
c-going-back = { $total } is on its way back to the account you paid from, usually 5–7 working days.
c-given-back = { $total } was paid back.
c-files = What you ordered
c-line-bw = { $pages } B&W × { $copies } at { $rate }
c-line-color = { $pages } colour × { $copies } at { $rate }
c-line-minimum = Up to the smallest bill
c-paid-with = Paid · { $method }
c-method-cash = Cash
c-method-upi = UPI
c-method-card = Card
c-method-netbanking = Netbanking
c-method-wallet = Wallet
c-method-other = Online
c-receipt = Receipt
c-receipt-order = Order
c-receipt-token = Token
c-receipt-made = Ordered
c-receipt-paid = Paid on
c-receipt-reference = Payment reference
c-back = Back to WhatsApp
c-print = Print receipt
c-privacy = Your file is deleted { $hours ->
        [one] 1 hour
       *[other] { $hours } hours
    } after your prints are ready. Keep this page's address to yourself.

# When a page cannot be shown

error-not-found = This page does not exist
    .hint = The address may be mistyped, or what it showed is gone.
error-no-order = We can't find this order
    .hint = The link is not valid, or it was cut off. Open it again from WhatsApp, or send us “status” there.
error-input = We can't use this
    .hint = Go back, check what you entered, and try again.
error-changed = Somebody was faster
    .hint = This was just changed by someone else. Go back, check, and try again.
error-form = This form has expired
    .hint = Go back, load the page again, and send the form once more.
error-viewer = You may look, not change
    .hint = Ask the owner for an account that can do this.
error-down = One moment, please
    .hint = We can't reach our records right now. Nothing is lost; try again in a few seconds.
error-back = Back to the queue

# Signing in

login = Sign in
login-name = Name
login-password = Password
login-wrong = That name and password don't belong together, or there were too many tries. Check them, or wait 15 minutes.
login-forgot = Forgot it? Ask the owner, or run { $command } on the shop's server.
sign-out = Sign out

# The frame of the staff pages

skip = Skip to the content
nav = Main
nav-queue = Queue
nav-orders = Orders
nav-attention = Attention
nav-money = Money
search = Search orders
search-hint = Token, name or last 4 digits of phone
live = Live
live-off = Not connected, trying again
printers = Printers
printer-idle = Ready
printer-processing = Printing
printer-stopped = Stopped
printer-unknown = Not known
printer-other = { $state }
role-owner = Owner
role-operator = Operator
role-viewer = Viewer

# Queue

queue = Queue
figure-to-print = to print
figure-printing = printing
figure-ready = ready for pickup
figure-today = today
figure-oldest = oldest { $age }
figure-orders = { $count ->
        [one] 1 order
       *[other] { $count } orders
    }
figure-orders-today = orders today
announce = { $waiting } to print, { $printing } printing, { $ready } ready, { $needs } need you
needs-you = Needs you
needs-open = Open order
column-to-print = To print
column-printing = Printing
column-ready = Ready for pickup
column-waiting = Waiting for payment
empty-to-print = Nothing waiting. Nice.
empty-printing = Printer is idle.
empty-ready = No prints waiting on the shelf.
column-more = { $count } more, in the list
empty-waiting = No open payment links.
at-counter = pays at counter
link-sent = link sent
hand-over = Handed over
hand-over-label = Handed over, token { $token }
handed-over = Token { $token } handed over
undo = Undo
undo-label = Undo: token { $token } was not handed over
changed = { $label } was just changed by someone else. Check and try again.

# Orders

orders = Orders
filter = Show
filter-all = All
filter-waiting = Waiting
filter-paid = To print
filter-ready = Ready
filter-collected = Handed over
filter-refunded = Refunded
filter-closed = Cancelled
orders-found = Found for “{ $words }”
orders-clear = Clear
orders-none = No orders here.
orders-older = Older orders
col-order = Order
col-who = Who
col-file = File
col-what = What
col-amount = Amount
col-state = State
col-time = Time

# One order

order-token = Token { $token }
order-code = Order { $code }
order-age = { $age } ago
order-age-now = just now
documents = Files
document-colored = { $count ->
        [0] no colour
        [one] colour on 1 page
       *[other] colour on { $count } pages
    }
document-size = { $size } kB
document-fetching = being opened
document-refused = not usable
document-deleted = deleted { $at }
document-gone = File (deleted)
conversation = Conversation
conversation-none = No messages yet.
message-in = Customer
message-out = Bot
message-staged = waiting to be sent
message-queued = queued
message-sent = sent
message-delivered = delivered
message-read = read
message-failed = not delivered
message-undelivered = not delivered
message-unknown = perhaps sent
message-other = { $status }
money = Payment
money-none = Nothing is quoted yet.
money-captured = Paid
money-link-sent = Link sent
money-initiated = Making the link
money-closed = Link closed
money-failed = No link
money-refund-requested = Refund asked for
money-refund-in-transit = Refund on its way
money-refund-processed = Refunded
money-refund-failed = Refund failed
money-by = by { $who }
money-extra = not for this order's prints
prints = Print attempts
prints-none = Nothing was printed yet.
job-queued = To print
job-held = On hold
job-claimed = At the printer
job-printing = Printing
job-completed = Printed
job-uncertain = Did it print?
job-failed = Failed
job-cancelled = Cancelled
job-reprint = Reprint
attempt = Attempt { $number }
attempt-running = running
attempt-printed = printed
attempt-never-accepted = never reached the printer
attempt-released = given back
attempt-unknown = not known
attempt-lapsed = stopped answering
attempt-other = { $outcome }
happened = What happened
happened-orders = { $to ->
        [DRAFT] File received
        [PAYMENT_PENDING] Choices made, price fixed
        [PAID] Paid, token given
        [READY] Ready for pickup
        [COLLECTED] Handed over
        [CANCELLED] Cancelled
        [EXPIRED] Expired without payment
        [REFUNDED] Refunded
       *[other] Order: { $to }
    }
happened-payments = { $to ->
        [INITIATED] Payment link asked for
        [LINK_SENT] Payment link made
        [CAPTURED] Money received
        [CLOSED] Payment link closed
        [FAILED] No payment link could be made
       *[other] Payment: { $to }
    }
happened-refunds = { $to ->
        [REQUESTED] Refund asked for
        [IN_TRANSIT] Refund on its way
        [PROCESSED] Refund arrived
        [FAILED] Refund failed
       *[other] Refund: { $to }
    }
happened-print-jobs = { $to ->
        [QUEUED] In the print queue
        [HELD] Put on hold
        [CLAIMED] Taken by the shop PC
        [PRINTING] Handed to the printer
        [COMPLETED] Printed
        [UNCERTAIN] Not known whether it printed
        [FAILED] Did not print
        [CANCELLED] Print cancelled
       *[other] Print: { $to }
    }

# What needs a person

attention = Needs you
attention-later = Show the next ones
attention-none = Nothing needs you. Nice.
attention-waiting = waiting { $age }
need-did-it-print = Did it print?
    .hint = The shop PC lost sight of this print. Look in the tray before you decide.
need-print-failed = Did not print
    .hint = Nothing reached the paper. Look at the printer, then try again or refund.
need-cannot-print = Cannot be printed
    .hint = The shop PC gave this print back again and again. Check the printer and its paper.
need-not-moving = Paid, but not moving
    .hint = Check that the shop PC is on and its printer is ready.
need-message-not-delivered = Message not delivered
    .hint = The customer did not get our message. Call them if they need to know.
need-wants-a-person = Wants a person
    .hint = The customer asked for someone from the shop. Answer them in WhatsApp.
need-webhook-not-handled = A notice could not be handled
    .hint = Something arrived that we could not work on. It is kept; tell whoever looks after the system.
need-dispute = Payment disputed
    .hint = The bank asks about this payment. Answer in the Razorpay dashboard before the date there, then say here how it ended.
need-disputed = Paid, but disputed
    .hint = Money came for a payment the bank asks about. Nothing prints until you decide.
need-external-refund = Refunded outside
    .hint = Somebody refunded this in the Razorpay dashboard. Check that the order fits.
need-refunded-too-much = More refunded than paid
    .hint = Refunds made outside are larger than the payment. Check it in the Razorpay dashboard.
need-not-at-razorpay = Not at Razorpay
    .hint = We have this payment as received, but Razorpay does not. Look for it in the Razorpay dashboard and say which of the two is right.
need-amount-differs = Amounts differ
    .hint = Razorpay has another amount for this payment than we have. Compare both, and refund it or say that ours is right.
need-refund-failed = Refund failed
    .hint = The bank did not take the refund; the money is still with you. Try again, or pay it back by hand.
need-refund-stuck = Refund takes too long
    .hint = The bank has not confirmed this refund. Look at it in the Razorpay dashboard and at your balance there.
need-unknown-link = Money without an order
    .hint = A payment came that no order asked for. Find out whose it is, or refund it.
need-wrong-amount = Wrong amount
    .hint = The amount paid is not the amount quoted. Refund it, print it all the same, or keep it as credit if the customer agrees.
need-wrong-currency = Wrong currency
    .hint = The payment came in another currency than quoted. Refund it, or keep it as credit if the customer agrees.
need-no-payment-link = No payment link
    .hint = Razorpay did not make a link. The customer was asked to pay at the counter.
need-file-not-made = File not prepared
    .hint = Something failed on our side before payment. The order was closed and the customer was told; help them if they write.
need-file-not-deleted = File not deleted
    .hint = A file is past its time, but the storage does not let it go. Look at the disk or bucket; we keep trying.
need-file-missing = File is gone
    .hint = The file of this order is not in the storage any more. Ask the customer to send it again, or refund it.
need-other = Please have a look
    .hint = Something happened that only a person can decide.
