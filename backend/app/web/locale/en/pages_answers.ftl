# What can be answered

answer-refund = Refund
answer-print-it = Print it all the same
answer-keep-as-credit = Keep as credit
answer-matched-by-hand = It belongs to
answer-paid-back-by-hand = Paid back by hand
answer-try-again = Try again
answer-refund-stands = The refund is right
answer-booked-right = Our books are right
answer-dispute-won = The bank decided for us
answer-taken-by-bank = The bank took it back
answer-it-printed = It printed
answer-nothing-came-out-print = Nothing came out: print
answer-nothing-came-out-refund = Nothing came out: refund
answer-print-again = Print all of it again
answer-seen = Seen
answer-other = Answer
answer-note = Why, or what was agreed
answer-amount = Rupees
answer-order = Order code; leave empty if it is not one of ours
answer-done = Done: { $answer }
answer-closed = Somebody was faster: this is closed already.
answer-refused = That is not possible now. Nothing was changed.
answer-input = Something is missing or not right. Nothing was changed.
needs-answer = Answer

# Cash

take-cash = Take cash
take-cash-label = Take cash for { $code }
take-cash-amount = Rupees for { $code }
cash-taken = { $total } taken. The number is { $token }; it prints now.
cash-wrong = { $label } costs { $total }; take exactly that. Nothing was changed.
