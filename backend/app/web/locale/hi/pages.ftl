## पन्नों के शब्द

# साझा

ink-bw = ब्लैक-व्हाइट
ink-color = रंगीन
ink-both = मिला-जुला
ink-both-pages = मिला-जुला · { $colored } रंगीन
pages = { $pages } पेज
wish-both-sides = दोनों तरफ़
wish-paper = { $paper }
wish-pages = पेज { $list }
wish-per-side = एक तरफ़ { $count } पेज
total = कुल
age-now = अभी
age-minutes = { $count } मिनट
age-hours = { $count } घंटे
age-days = { $count } दिन
no-name = ग्राहक
no-file = फ़ाइल अभी नहीं है

# ऑर्डर कहाँ है

state-draft = चुन रहे हैं
state-waiting = पेमेंट बाकी
state-queued = छापना है
state-printing = छप रहा है
state-check = छपा क्या?
state-failed = नहीं छपा
state-hold = रोका हुआ
state-ready = लेने को तैयार
state-collected = दे दिया
state-cancelled = रद्द
state-expired = समय निकला
state-refunded = पैसे वापस

# ग्राहक का पन्ना

c-title = आपका प्रिंट ऑर्डर
c-your-token = आपका टोकन
c-your-order = आपका ऑर्डर
c-draft = WhatsApp में आपके जवाब का इंतज़ार है
c-preparing = आपकी फ़ाइल तैयार हो रही है
c-waiting = पेमेंट बाकी है
c-counter = काउंटर पर पेमेंट कीजिए
c-queued = { $ahead ->
        [0] पेमेंट हो गया — अगला नंबर आपका है
       *[other] पेमेंट हो गया — आपसे पहले { $ahead } ऑर्डर
    }
c-printing = अभी छप रहा है
c-check = थोड़ी देर है — दुकान देख रही है
c-failed = देर हो रही है — दुकान देख रही है
c-hold = दुकान पर रोका हुआ है
c-ready = तैयार — काउंटर से ले लीजिए
c-collected = मिल गया। धन्यवाद!
c-cancelled = रद्द
c-expired = पेमेंट का समय निकल गया
c-refunded = पैसे वापस
c-step-paid = पेमेंट
c-step-queue = लाइन में
c-step-printing = छपाई
c-step-ready = तैयार
c-steps = 4 में से { $done } चरण पूरे
c-pay = { $total } का पेमेंट करें
c-pay-until = लिंक { $until } तक चलेगा।
c-counter-hint = काउंटर पर यह कोड बताइए और { $total } दीजिए; फिर हम प्रिंट करेंगे।
c-note-received = पेमेंट मिल गया। धन्यवाद!
c-note-confirming = बैंक से पुष्टि हो रही है… आप WhatsApp पर लौट सकते हैं, हम बता देंगे। दोबारा पेमेंट मत कीजिए।
c-note-failed = पिछला पेमेंट नहीं हुआ। फिर कोशिश कर सकते हैं।
c-note-not-through = पेमेंट नहीं हुआ और यह ऑर्डर बंद है। WhatsApp पर फ़ाइल फिर भेजिए।
c-note-unclear = आपका पेमेंट मिला है और दुकान देख रही है। दोबारा पेमेंट मत कीजिए।
c-going-back = { $total } उसी खाते में वापस जा रहे हैं, आम तौर पर 5–7 कार्य दिवस में।
c-given-back = { $total } वापस कर दिए।
c-files = आपने क्या मँगाया
c-line-bw = { $pages } ब्लैक-व्हाइट × { $copies }, { $rate } प्रति पेज
c-line-color = { $pages } रंगीन × { $copies }, { $rate } प्रति पेज
c-line-minimum = सबसे छोटे बिल तक
c-paid-with = पेमेंट हुआ · { $method }
c-method-cash = नकद
c-method-upi = UPI
c-method-card = कार्ड
c-method-netbanking = नेटबैंकिंग
c-method-wallet = वॉलेट
c-method-other = ऑनलाइन
c-receipt = रसीद
c-receipt-order = ऑर्डर
c-receipt-token = टोकन
c-receipt-made = ऑर्डर का समय
c-receipt-paid = पेमेंट का समय
c-receipt-reference = पेमेंट रेफ़रेंस
c-back = WhatsApp पर लौटें
c-print = रसीद छापें
c-privacy = प्रिंट तैयार होने के { $hours } घंटे बाद आपकी फ़ाइल हटा दी जाती है। इस पन्ने का पता किसी को न दें।

# जब पन्ना न दिख सके

error-not-found = यह पन्ना नहीं है
    .hint = पता ग़लत हो सकता है, या वह चीज़ अब नहीं है।
error-no-order = यह ऑर्डर नहीं मिला
    .hint = लिंक सही नहीं है या कट गया है। WhatsApp से फिर खोलिए, या वहाँ “status” लिखिए।
error-input = यह नहीं चलेगा
    .hint = पीछे जाइए, जाँचिए और फिर कोशिश कीजिए।
error-changed = कोई पहले कर चुका है
    .hint = इसे अभी किसी और ने बदला है। पीछे जाकर देखिए और फिर कोशिश कीजिए।
error-form = यह फ़ॉर्म पुराना हो गया
    .hint = पीछे जाकर पन्ना फिर खोलिए और दोबारा भेजिए।
error-viewer = आप देख सकते हैं, बदल नहीं सकते
    .hint = मालिक से वह खाता माँगिए जो यह कर सके।
error-down = एक पल रुकिए
    .hint = अभी हमारा रिकॉर्ड नहीं खुल रहा। कुछ खोया नहीं है; कुछ सेकंड में फिर कोशिश कीजिए।
error-back = लाइन पर लौटें

# साइन इन

login = साइन इन
login-name = नाम
login-password = पासवर्ड
login-wrong = नाम और पासवर्ड मेल नहीं खाते, या बहुत बार कोशिश हुई। जाँचिए, या 15 मिनट रुकिए।
login-forgot = भूल गए? मालिक से पूछिए, या दुकान के सर्वर पर { $command } चलाइए।
sign-out = साइन आउट

# ढाँचा

skip = सीधे सामग्री पर जाएँ
nav = मुख्य
nav-queue = लाइन
nav-orders = ऑर्डर
nav-attention = ध्यान दें
nav-money = पैसे
search = ऑर्डर खोजें
search-hint = टोकन, नाम या फ़ोन के आख़िरी 4 अंक
live = लाइव
live-off = जुड़ा नहीं, फिर कोशिश जारी
printers = प्रिंटर
printer-idle = तैयार
printer-processing = छाप रहा है
printer-stopped = रुका हुआ
printer-unknown = पता नहीं
printer-other = { $state }
role-owner = मालिक
role-operator = ऑपरेटर
role-viewer = दर्शक

# लाइन

queue = लाइन
figure-to-print = छापने हैं
figure-printing = छप रहे हैं
figure-ready = लेने को तैयार
figure-today = आज
figure-oldest = सबसे पुराना { $age }
figure-orders = { $count } ऑर्डर
figure-orders-today = आज के ऑर्डर
announce = { $waiting } छापने हैं, { $printing } छप रहे हैं, { $ready } तैयार, { $needs } पर ध्यान दें
needs-you = आपकी ज़रूरत है
needs-open = ऑर्डर खोलें
column-to-print = छापना है
column-printing = छप रहा है
column-ready = लेने को तैयार
column-waiting = पेमेंट बाकी
empty-to-print = कुछ बाकी नहीं। बढ़िया।
empty-printing = प्रिंटर खाली है।
empty-ready = रैक पर कोई प्रिंट नहीं।
column-more = सूची में और { $count }
empty-waiting = कोई पेमेंट लिंक खुला नहीं।
at-counter = काउंटर पर देंगे
link-sent = लिंक भेजा
hand-over = दे दिया
hand-over-label = दे दिया, टोकन { $token }
handed-over = टोकन { $token } दे दिया
undo = वापस लें
undo-label = वापस लें: टोकन { $token } नहीं दिया था
changed = { $label } को अभी किसी और ने बदला है। देखकर फिर कोशिश कीजिए।

# ऑर्डर

orders = ऑर्डर
filter = दिखाएँ
filter-all = सब
filter-waiting = पेमेंट बाकी
filter-paid = छापना है
filter-ready = तैयार
filter-collected = दे दिए
filter-refunded = पैसे वापस
filter-closed = रद्द
orders-found = “{ $words }” के लिए मिले
orders-clear = हटाएँ
orders-none = यहाँ कोई ऑर्डर नहीं।
orders-older = पुराने ऑर्डर
col-order = ऑर्डर
col-who = कौन
col-file = फ़ाइल
col-what = क्या
col-amount = रकम
col-state = स्थिति
col-time = समय

# एक ऑर्डर

order-token = टोकन { $token }
order-code = ऑर्डर { $code }
order-age = { $age } पहले
order-age-now = अभी-अभी
documents = फ़ाइलें
document-colored = { $count ->
        [0] कोई रंग नहीं
       *[other] { $count } पेज में रंग
    }
document-size = { $size } kB
document-fetching = खुल रही है
document-refused = काम की नहीं
document-deleted = { $at } को हटाई
document-gone = फ़ाइल (हटाई गई)
conversation = बातचीत
conversation-none = अभी कोई संदेश नहीं।
message-in = ग्राहक
message-out = बॉट
message-staged = भेजना बाकी
message-queued = लाइन में
message-sent = भेजा
message-delivered = पहुँचा
message-read = पढ़ा
message-failed = नहीं पहुँचा
message-undelivered = नहीं पहुँचा
message-unknown = शायद भेजा
message-other = { $status }
money = पेमेंट
money-none = अभी कोई दाम तय नहीं।
money-captured = पेमेंट हुआ
money-link-sent = लिंक भेजा
money-initiated = लिंक बन रहा है
money-closed = लिंक बंद
money-failed = लिंक नहीं बना
money-refund-requested = रिफ़ंड माँगा
money-refund-in-transit = रिफ़ंड रास्ते में
money-refund-processed = रिफ़ंड हुआ
money-refund-failed = रिफ़ंड नहीं हुआ
money-by = { $who } ने
money-extra = इस ऑर्डर के प्रिंट के लिए नहीं
prints = छपाई की कोशिशें
prints-none = अभी कुछ नहीं छपा।
job-queued = छापना है
job-held = रोका हुआ
job-claimed = प्रिंटर पर
job-printing = छप रहा है
job-completed = छप गया
job-uncertain = छपा क्या?
job-failed = नहीं छपा
job-cancelled = रद्द
job-reprint = दोबारा
attempt = कोशिश { $number }
attempt-running = चल रही है
attempt-printed = छपा
attempt-never-accepted = प्रिंटर तक नहीं पहुँचा
attempt-released = लौटाया
attempt-unknown = पता नहीं
attempt-lapsed = जवाब बंद हुआ
attempt-other = { $outcome }
happened = क्या-क्या हुआ
happened-orders = { $to ->
        [DRAFT] फ़ाइल मिली
        [PAYMENT_PENDING] चुनाव हुआ, दाम तय
        [PAID] पेमेंट हुआ, टोकन दिया
        [READY] लेने को तैयार
        [COLLECTED] दे दिया
        [CANCELLED] रद्द
        [EXPIRED] बिना पेमेंट समय निकला
        [REFUNDED] पैसे वापस
       *[other] ऑर्डर: { $to }
    }
happened-payments = { $to ->
        [INITIATED] पेमेंट लिंक माँगा
        [LINK_SENT] पेमेंट लिंक बना
        [CAPTURED] पैसे मिले
        [CLOSED] पेमेंट लिंक बंद
        [FAILED] पेमेंट लिंक नहीं बना
       *[other] पेमेंट: { $to }
    }
happened-refunds = { $to ->
        [REQUESTED] रिफ़ंड माँगा
        [IN_TRANSIT] रिफ़ंड रास्ते में
        [PROCESSED] रिफ़ंड पहुँचा
        [FAILED] रिफ़ंड नहीं हुआ
       *[other] रिफ़ंड: { $to }
    }
happened-print-jobs = { $to ->
        [QUEUED] छपाई की लाइन में
        [HELD] रोका
        [CLAIMED] दुकान के PC ने लिया
        [PRINTING] प्रिंटर को दिया
        [COMPLETED] छप गया
        [UNCERTAIN] छपा या नहीं, पता नहीं
        [FAILED] नहीं छपा
        [CANCELLED] छपाई रद्द
       *[other] छपाई: { $to }
    }

# जहाँ आदमी चाहिए

attention = आपकी ज़रूरत है
attention-later = अगले दिखाइए
attention-none = किसी बात पर ध्यान देने की ज़रूरत नहीं। बढ़िया।
attention-waiting = { $age } से
need-did-it-print = छपा क्या?
    .hint = दुकान के PC को पता नहीं चला। तय करने से पहले ट्रे देखिए।
need-print-failed = नहीं छपा
    .hint = काग़ज़ पर कुछ नहीं आया। प्रिंटर देखिए, फिर दोबारा छापिए या रिफ़ंड कीजिए।
need-cannot-print = छप नहीं सकता
    .hint = दुकान का PC इसे बार-बार लौटा रहा है। प्रिंटर और काग़ज़ देखिए।
need-not-moving = पेमेंट हुआ, पर आगे नहीं बढ़ा
    .hint = देखिए कि दुकान का PC चालू है और प्रिंटर तैयार है।
need-message-not-delivered = संदेश नहीं पहुँचा
    .hint = ग्राहक को संदेश नहीं मिला। ज़रूरी हो तो फ़ोन कीजिए।
need-wants-a-person = किसी से बात करनी है
    .hint = ग्राहक ने दुकान से किसी को बुलाया है। WhatsApp में जवाब दीजिए।
need-webhook-not-handled = एक सूचना पर काम नहीं हो सका
    .hint = कुछ आया जिस पर काम नहीं हो सका। वह सँभालकर रखा है; सिस्टम देखने वाले को बताइए।
need-dispute = पेमेंट पर विवाद
    .hint = बैंक इस पेमेंट के बारे में पूछ रहा है। Razorpay डैशबोर्ड में समय पर जवाब दीजिए, फिर यहाँ बताइए क्या हुआ।
need-disputed = पेमेंट हुआ, पर विवाद में
    .hint = जिस पेमेंट पर बैंक पूछ रहा है उसके पैसे आए। आपके तय करने तक कुछ नहीं छपेगा।
need-external-refund = बाहर से रिफ़ंड
    .hint = किसी ने Razorpay डैशबोर्ड से रिफ़ंड किया। ऑर्डर जाँचिए।
need-refunded-too-much = पेमेंट से ज़्यादा रिफ़ंड
    .hint = बाहर से किए रिफ़ंड पेमेंट से ज़्यादा हैं। Razorpay डैशबोर्ड में देखिए।
need-not-at-razorpay = Razorpay में नहीं
    .hint = हमारे यहाँ यह पेमेंट मिला हुआ है, पर Razorpay में नहीं। Razorpay डैशबोर्ड में देखिए और बताइए कौन सही है।
need-amount-differs = रकम अलग
    .hint = इस पेमेंट की रकम Razorpay में हमसे अलग है। दोनों मिलाइए, रिफ़ंड कीजिए या बताइए कि हमारी सही है।
need-refund-failed = रिफ़ंड नहीं हुआ
    .hint = बैंक ने रिफ़ंड नहीं लिया; पैसे आपके पास हैं। फिर से कीजिए, या हाथ से लौटाइए।
need-refund-stuck = रिफ़ंड में देर
    .hint = बैंक ने यह रिफ़ंड अब तक पक्का नहीं किया। Razorpay डैशबोर्ड में रिफ़ंड और बैलेंस देखिए।
need-unknown-link = बिना ऑर्डर के पैसे
    .hint = ऐसा पेमेंट आया जो किसी ऑर्डर का नहीं। पता कीजिए किसका है, या रिफ़ंड कीजिए।
need-wrong-amount = रकम ग़लत
    .hint = जितना दाम था उतना पेमेंट नहीं हुआ। रिफ़ंड कीजिए, फिर भी छापिए, या ग्राहक माने तो जमा रखिए।
need-wrong-currency = मुद्रा ग़लत
    .hint = पेमेंट दूसरी मुद्रा में आया। रिफ़ंड कीजिए, या ग्राहक माने तो जमा रखिए।
need-no-payment-link = पेमेंट लिंक नहीं बना
    .hint = Razorpay ने लिंक नहीं बनाया। ग्राहक से काउंटर पर पेमेंट करने को कहा है।
need-file-not-made = फ़ाइल तैयार नहीं हुई
    .hint = पेमेंट से पहले हमारी तरफ़ गड़बड़ हुई। ऑर्डर बंद है और ग्राहक को बता दिया है; वे लिखें तो मदद कीजिए।
need-file-not-deleted = फ़ाइल मिटी नहीं
    .hint = फ़ाइल का समय पूरा हुआ, पर स्टोरेज उसे मिटा नहीं रहा। डिस्क या बकेट देखिए; हम कोशिश करते रहेंगे।
need-file-missing = फ़ाइल नहीं रही
    .hint = इस ऑर्डर की फ़ाइल अब स्टोरेज में नहीं है। ग्राहक से फिर मँगाइए, या रिफ़ंड कीजिए।
need-other = एक बार देख लीजिए
    .hint = कुछ ऐसा हुआ जो सिर्फ़ आदमी तय कर सकता है।
