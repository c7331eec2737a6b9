# What can be answered

answer-refund = रिफ़ंड
answer-print-it = फिर भी छापिए
answer-keep-as-credit = जमा रखिए
answer-matched-by-hand = यह किसका है
answer-paid-back-by-hand = हाथ से लौटा दिया
answer-try-again = फिर से कीजिए
answer-refund-stands = रिफ़ंड सही है
answer-booked-right = हमारा हिसाब सही है
answer-dispute-won = बैंक ने हमारे पक्ष में तय किया
answer-taken-by-bank = बैंक ने वापस ले लिया
answer-it-printed = छप गया
answer-nothing-came-out-print = कुछ नहीं निकला: छापिए
answer-nothing-came-out-refund = कुछ नहीं निकला: रिफ़ंड
answer-print-again = पूरा दोबारा छापिए
answer-seen = देख लिया
answer-other = जवाब
answer-note = क्यों, या क्या तय हुआ
answer-amount = रुपये
answer-order = ऑर्डर कोड; हमारा न हो तो ख़ाली छोड़िए
answer-done = हो गया: { $answer }
answer-closed = किसी ने पहले ही कर दिया: यह बंद है।
answer-refused = अभी यह नहीं हो सकता। कुछ नहीं बदला।
answer-input = कुछ छूट गया या ठीक नहीं है। कुछ नहीं बदला।
needs-answer = जवाब दें

# Cash

take-cash = नक़द लिया
take-cash-label = { $code } के लिए नक़द लिया
take-cash-amount = { $code } के रुपये
cash-taken = { $total } मिले। नंबर { $token } है; अब छपेगा।
cash-wrong = { $label } का दाम { $total } है; उतना ही लीजिए। कुछ नहीं बदला।
