-- The promises about money and paper that a query can check, on any database, at any time.
-- Each query returns the rows that break it. Numbers are those of the invariants table in
-- ARCHITECTURE.md.

-- name: I1 every captured rupee has one owner
SELECT p.id, p.disposition, o.status, p.captured_paise, p.refunded_paise
FROM payments p LEFT JOIN orders o ON o.id = p.order_id
WHERE p.status = 'CAPTURED' AND NOT (
    -- wholly on its way back
    p.refunded_paise = p.captured_paise
    -- printed, or in work and moving
    OR (p.disposition = 'FULFILS' AND o.status IN ('READY', 'COLLECTED', 'PAID'))
    -- or with the shop, by a named person's decision
    OR p.captured_paise - p.refunded_paise <= (SELECT coalesce(sum(s.amount_paise), 0)
        FROM attention_resolutions s WHERE s.payment_id = p.id
        AND s.resolution IN ('keep_as_credit', 'matched_by_hand'))
    -- or a person is asked
    OR EXISTS (SELECT 1 FROM attention_items a WHERE a.closed_at IS NULL AND (
        a.subject IN ('payment:' || coalesce(p.rzp_payment_id, p.id::text), 'order:' || p.order_id)
        OR a.order_id = p.order_id
        OR a.subject IN (SELECT 'refund:' || r.id FROM refunds r WHERE r.payment_id = p.id)))
)
UNION ALL
-- and not two: what went back whole has printed nothing, or the order says so
SELECT p.id, p.disposition, o.status, p.captured_paise, p.refunded_paise
FROM payments p JOIN orders o ON o.id = p.order_id
WHERE p.status = 'CAPTURED' AND p.disposition = 'FULFILS'
    AND o.status IN ('READY', 'COLLECTED', 'PAID') AND p.refunded_paise = p.captured_paise

-- name: I2 at most one payment fulfils an order, and it equals its quote or a person accepted it
SELECT p.id, p.captured_paise, q.amount_paise
FROM payments p LEFT JOIN quotes q ON q.id = p.quote_id LEFT JOIN orders o ON o.id = p.order_id
WHERE p.disposition = 'FULFILS' AND (
    q.id IS NULL OR o.quote_id IS DISTINCT FROM q.id OR q.order_id <> o.id
    OR p.currency <> q.currency
    OR ((p.captured_paise <> q.amount_paise
        -- online it came over a link that was made for this quote
        OR (p.rzp_payment_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payments l
            WHERE l.reference_id IS NOT NULL AND l.quote_id = p.quote_id
            AND (l.id = p.id OR l.plink_id = coalesce(p.plink_id, l.plink_id)))))
        AND NOT EXISTS (SELECT 1 FROM attention_resolutions s
            WHERE s.payment_id = p.id AND s.decided_by LIKE 'user:%'
            AND s.resolution IN ('print_it', 'matched_by_hand'))))

-- name: I3 nothing is started before it is paid
SELECT a.id FROM print_attempts a JOIN print_jobs j ON j.id = a.job_id
WHERE a.started_at IS NOT NULL AND j.authorised_by = '' AND NOT EXISTS (
    SELECT 1 FROM payments p WHERE p.order_id = j.order_id AND p.disposition = 'FULFILS'
        AND p.captured_at <= a.started_at)

-- name: I4 what is printed is what was quoted
SELECT a.id FROM print_attempts a JOIN print_jobs j ON j.id = a.job_id
JOIN orders o ON o.id = j.order_id JOIN quotes q ON q.id = o.quote_id
WHERE a.started_at IS NOT NULL AND j.kind = 'ORIGINAL'
    AND (a.sha256 <> q.sha256 OR a.copies <> q.copies)

-- name: I5 no job is started twice
SELECT job_id, count(*) FROM print_attempts
WHERE started_at IS NOT NULL AND outcome NOT IN ('never_accepted', 'nothing_came_out')
GROUP BY job_id HAVING count(*) > 1

-- name: I6 no machine moves a job out of UNCERTAIN without proof
SELECT t.entity_id, t.to_status, t.actor FROM transitions t
WHERE t.entity = 'print_jobs' AND t.from_status = 'UNCERTAIN' AND t.actor NOT LIKE 'user:%'
    AND NOT (t.to_status = 'COMPLETED' AND t.actor LIKE 'worker:%')

-- name: I7 no silence about a paid order
SELECT o.id, o.token FROM orders o WHERE o.status = 'PAID'
    AND greatest(o.updated_at, coalesce((SELECT max(j.updated_at) FROM print_jobs j
        WHERE j.order_id = o.id), o.updated_at)) < clock_timestamp() - interval '20 minutes'
    -- somebody who looked is asked again after as long a silence
    AND NOT EXISTS (SELECT 1 FROM attention_items a WHERE a.order_id = o.id AND
        coalesce(a.closed_at, 'infinity') > clock_timestamp() - interval '20 minutes')

-- name: I8 every kept webhook comes to an end
SELECT w.id, w.provider, w.status FROM webhook_logs w
WHERE (w.status = 'NEW' AND w.received_at < clock_timestamp() - interval '1 hour')
    OR (w.status IN ('DEAD', 'IGNORED') AND w.reason = '')
    -- what no machine gets further with was put before a person
    OR (w.status = 'DEAD' AND NOT EXISTS (SELECT 1 FROM attention_items a
        WHERE a.kind = 'webhook_not_handled' AND a.subject = 'webhook:' || w.id))

-- name: I10 only drawn arrows occur
SELECT t.id, t.entity, t.from_status, t.to_status FROM transitions t
WHERE t.from_status IS NOT NULL AND NOT EXISTS (SELECT 1 FROM allowed_transitions w
    WHERE (w.entity, w.from_status, w.to_status) = (t.entity, t.from_status, t.to_status))

-- name: I11 epochs of a job never fall
SELECT z.entity_id FROM (SELECT entity_id, epoch, max(epoch) OVER (PARTITION BY entity_id
    ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier
    FROM transitions WHERE entity = 'print_jobs' AND epoch IS NOT NULL) z
WHERE z.epoch < z.earlier

-- name: I15 refunds stay within captures
SELECT p.id, p.captured_paise, p.refunded_paise, coalesce(s.total, 0)
FROM payments p LEFT JOIN (SELECT payment_id, sum(amount_paise) AS total FROM refunds
    WHERE status <> 'FAILED' GROUP BY payment_id) s ON s.payment_id = p.id
WHERE p.refunded_paise <> least(coalesce(s.total, 0), p.captured_paise)
    OR (s.total > p.captured_paise
    -- refunds made outside that cross one of ours: a person is told
    AND NOT EXISTS (SELECT 1 FROM attention_items a WHERE a.kind = 'refunded_too_much'
        AND a.subject = 'payment:' || p.rzp_payment_id))

-- name: I15b paper and refund only by a named person
SELECT r.id, r.requested_by, o.status
FROM refunds r JOIN payments p ON p.id = r.payment_id AND p.disposition = 'FULFILS'
JOIN orders o ON o.id = p.order_id
WHERE r.status <> 'FAILED' AND r.requested_by NOT LIKE 'user:%'
    AND EXISTS (SELECT 1 FROM print_jobs j JOIN print_attempts a ON a.job_id = j.id
        WHERE j.order_id = o.id AND a.started_at IS NOT NULL
        AND a.outcome NOT IN ('never_accepted', 'nothing_came_out'))
    -- made in the provider's dashboard by somebody there: a person here was asked about it
    AND NOT (r.requested_by = 'external' AND EXISTS (SELECT 1 FROM attention_items a
        WHERE a.kind = 'external_refund'
        AND a.subject IN ('payment:' || p.rzp_payment_id, 'refund:' || r.id)))

-- name: I16 a quote is the sum of its lines
SELECT q.id, q.amount_paise FROM quotes q
WHERE q.amount_paise <> (SELECT sum((line ->> 'amount_paise')::bigint)
    FROM jsonb_array_elements(q.lines) line)

-- name: I17 one open order a customer
SELECT customer_id, count(*) FROM orders WHERE status IN ('DRAFT', 'PAYMENT_PENDING')
GROUP BY customer_id HAVING count(*) > 1

-- name: I19 deleted files are gone in time
SELECT d.id FROM documents d LEFT JOIN orders o ON o.id = d.order_id
WHERE d.deleted_at IS NULL AND d.delete_after < clock_timestamp() - interval '30 minutes'
    AND (o.id IS NULL OR o.status NOT IN ('DRAFT', 'PAYMENT_PENDING', 'PAID'))
    AND NOT EXISTS (SELECT 1 FROM print_jobs j WHERE j.document_id = d.id
        AND j.status IN ('QUEUED', 'HELD', 'CLAIMED', 'PRINTING', 'UNCERTAIN')
        AND j.updated_at > clock_timestamp() - interval '7 days')

-- name: I29 printed is backed by evidence
SELECT j.id FROM print_jobs j WHERE j.status = 'COMPLETED' AND NOT EXISTS (
    SELECT 1 FROM print_attempts a WHERE a.job_id = j.id AND (a.evidence ? 'spooler_completed'
        OR a.evidence ? 'counter_delta' OR a.evidence ? 'confirmed_by'))

-- name: I26 what Razorpay told us of money is in our books
WITH told AS (SELECT w.id, event.name[1] AS name, encode(w.raw_body, 'escape') AS body
    FROM webhook_logs w CROSS JOIN LATERAL regexp_matches(encode(w.raw_body, 'escape'),
        '"event"\s*:\s*"([a-z_.]+)"') event (name)
    WHERE w.provider = 'razorpay' AND w.status = 'DONE'),
captured AS (SELECT DISTINCT t.id, t.name, seen.id[1] AS rzp_id FROM told t
    CROSS JOIN LATERAL regexp_matches(t.body, '"(pay_[A-Za-z0-9]{8,})"', 'g') seen (id)
    WHERE t.name IN ('payment.captured', 'order.paid', 'payment_link.paid',
        'payment_link.partially_paid')),
refunded AS (SELECT DISTINCT t.id, t.name, seen.id[1] AS rzp_id FROM told t
    CROSS JOIN LATERAL regexp_matches(t.body, '"(rfnd_[A-Za-z0-9]{8,})"', 'g') seen (id)
    WHERE t.name LIKE 'refund.%')
SELECT c.id, c.name, c.rzp_id, coalesce(p.status, 'not here') FROM captured c
LEFT JOIN payments p ON p.rzp_payment_id = c.rzp_id WHERE p.status IS DISTINCT FROM 'CAPTURED'
UNION ALL
-- a refund may fail after it was processed and the other way round, but it does not go back
SELECT f.id, f.name, f.rzp_id, coalesce(r.status, 'not here') FROM refunded f
LEFT JOIN refunds r ON r.rzp_refund_id = f.rzp_id
WHERE r.id IS NULL OR (f.name IN ('refund.processed', 'refund.failed')
    AND r.status IN ('REQUESTED', 'IN_TRANSIT'))

-- name: I28 bill numbers have no gaps, and every paid order is billed
SELECT s.shop_id::text, s.series || '/' || s.year, 'last ' || s.last || ', counted ' || s.bills
FROM (SELECT c.shop_id, c.series, c.year, c.last, count(b.id) AS bills,
        coalesce(min(b.number), 1) AS first, coalesce(max(b.number), 0) AS highest
    FROM bill_counters c LEFT JOIN bills b
        ON (b.shop_id, b.series, b.year) = (c.shop_id, c.series, c.year)
    GROUP BY c.shop_id, c.series, c.year, c.last) s
WHERE s.bills <> s.last OR s.first <> 1 OR s.highest <> s.last
UNION ALL
SELECT b.shop_id::text, b.label, 'without a counter' FROM bills b
WHERE NOT EXISTS (SELECT 1 FROM bill_counters c
    WHERE (c.shop_id, c.series, c.year) = (b.shop_id, b.series, b.year))
UNION ALL
SELECT b.shop_id::text, b.label, 'dated before the one it follows'
FROM (SELECT shop_id, label, issued_at, max(issued_at) OVER (PARTITION BY shop_id, series, year
    ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier FROM bills) b
WHERE b.issued_at < b.earlier
UNION ALL
-- since the shop's first bill
SELECT p.shop_id::text, p.order_id::text, 'paid and not billed'
FROM payments p LEFT JOIN bills b ON b.order_id = p.order_id AND b.refers_to IS NULL
WHERE p.disposition = 'FULFILS' AND (b.id IS NULL OR b.amount_paise <> p.captured_paise)
    AND p.captured_at >= (SELECT min(f.issued_at) FROM bills f WHERE f.shop_id = p.shop_id)
UNION ALL
SELECT b.shop_id::text, b.label, 'small, of a day that is over, and in no invoice'
FROM bills b JOIN shops s ON s.id = b.shop_id
WHERE b.kind = 'RECEIPT' AND b.mode = 'registered'
    AND b.day < (clock_timestamp() AT TIME ZONE s.timezone)::date - 1
    AND NOT EXISTS (SELECT 1 FROM bill_covers c WHERE c.receipt_id = b.id)
UNION ALL
SELECT b.shop_id::text, b.label, 'not the sum of what it takes up'
FROM bills b WHERE b.kind = 'DAY_INVOICE' AND b.amount_paise IS DISTINCT FROM (
    SELECT sum(r.amount_paise) FROM bill_covers c JOIN bills r ON r.id = c.receipt_id
    WHERE c.bill_id = b.id)
UNION ALL
SELECT b.shop_id::text, b.label, 'credited above its amount'
FROM bills b JOIN bills n ON n.refers_to = b.id AND n.refund_id IS NOT NULL
GROUP BY b.id HAVING sum(n.amount_paise) > b.amount_paise OR sum(n.cgst_paise) > b.cgst_paise
