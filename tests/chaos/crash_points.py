"""One order for each crash point: who dies there, when it is armed, and how it may end."""

from __future__ import annotations

from tests.chaos.scene import REST_SECONDS, WHOLE, Arm, Scene, Story, Who
from tests.support.processes import eventually
from tests.support.town import Customer, pdf_of


def prints(story: Story, scene: Scene) -> None:
    """The standard order: two pages, paid, printed."""
    customer, bank = scene.customer, scene.town.bank
    scene.arms(Arm.AT_ONCE)
    if story.who is Who.BACKGROUND and story.point.startswith(_BEFORE_THE_QUESTIONS):
        customer.sends(_document(customer))
        scene.dies()
        _answers(customer)
        link = customer.hears_the_link(seconds=REST_SECONDS)
    elif story.point.startswith(_AFTER_THE_QUESTIONS):
        customer.sends(_document(customer))
        _answers(customer)
        scene.dies()
        link = customer.hears_the_link(seconds=REST_SECONDS)
    else:
        link = customer.is_asked_to_pay()
    scene.arms(Arm.BEFORE_PAYING)
    bank.pays(link)
    if scene.ending.exit_code is None:
        scene.dies()
    customer.hears("received. Your token is", seconds=REST_SECONDS)


def repeats_a_message(_: Story, scene: Scene) -> None:
    """The first message is not acknowledged, and Twilio gives it up: the customer repeats it."""
    customer = scene.customer
    scene.arms(Arm.AT_ONCE)
    customer.says("price")
    scene.dies()
    if scene.story.point.startswith("web.before"):
        customer.says("price")
    customer.hears("per page", seconds=REST_SECONDS)
    scene.ending.facts["prices"] = customer.count("per page")
    link = customer.is_asked_to_pay()
    scene.town.bank.pays(link)
    customer.hears("received. Your token is", seconds=REST_SECONDS)


def changes_the_order(_: Story, scene: Scene) -> None:
    """Goes back after the link was made, takes three copies instead, and pays the new link."""
    customer, town = scene.customer, scene.town
    old = customer.is_asked_to_pay()
    scene.arms(Arm.AT_ONCE)
    customer.says("back")
    scene.dies()
    customer.hears("How many copies", seconds=REST_SECONDS)
    customer.says("3")
    new = customer.hears_the_link(seconds=REST_SECONDS)
    scene.ending.facts["old link"] = town.bank.link(old)["status"]
    town.bank.pays(new)
    customer.hears("received. Your token is", seconds=REST_SECONDS)


def pays_twice(_: Story, scene: Scene) -> None:
    """Two payments for one link: the second goes back, once."""
    customer, town = scene.customer, scene.town
    link = customer.is_asked_to_pay()
    scene.arms(Arm.AT_ONCE)
    paid = town.bank.pays(link, "twice")
    scene.dies()
    scene.at_rest()
    ours = {paid["payment_id"], paid["second_payment_id"]}
    scene.ending.facts["refunds"] = [
        refund["status"] for refund in town.bank.refunds() if refund["payment_id"] in ours
    ]


def deletes(_: Story, scene: Scene) -> None:
    """The customer wants the files gone, and they are."""
    customer, town = scene.customer, scene.town
    link = customer.is_asked_to_pay()
    town.bank.pays(link)
    customer.hears("Ready!", seconds=REST_SECONDS)
    scene.arms(Arm.AT_ONCE)
    customer.says("delete")
    scene.dies()
    left = (
        "SELECT d.id FROM documents d JOIN orders o ON o.id = d.order_id "
        "WHERE o.id = %s AND d.deleted_at IS NULL"
    )
    order = town.order_of(customer)["id"]
    eventually(lambda: not town.sql(left, order), seconds=REST_SECONDS, why="the file stays")


def refunds_a_part(_: Story, scene: Scene) -> None:
    """A rupee of a printed order goes back by staff, who have to ask twice."""
    customer, town = scene.customer, scene.town
    payment = town.bank.pays(customer.is_asked_to_pay())["payment_id"]
    customer.hears("Ready!", seconds=REST_SECONDS)
    path = f"/orders/{town.order_of(customer)['id']}/refund"
    scene.staff_asks(path, {"amount_paise": 100, "reason": "a blot"}, {202})
    scene.at_rest()
    scene.ending.facts["refunds"] = [
        refund["status"] for refund in town.bank.refunds() if refund["payment_id"] == payment
    ]


def pays_in_cash(_: Story, scene: Scene) -> None:
    """Staff take the money for an order that has a link, and tap twice."""
    customer, town = scene.customer, scene.town
    link = customer.is_asked_to_pay()
    order = town.order_of(customer)
    cash = {"amount_paise": order["total_paise"]}
    scene.staff_asks(f"/orders/{order['id']}/cash", cash, {200, 409})
    customer.hears("received. Your token is", seconds=REST_SECONDS)
    scene.at_rest()
    scene.ending.facts["old link"] = town.bank.link(link)["status"]


def accepts_another_amount(_: Story, scene: Scene) -> None:
    """A rupee too much came; staff have it printed all the same."""
    customer, town = scene.customer, scene.town
    town.bank.pays(customer.is_asked_to_pay(), "amount_differs", delta=100)
    customer.hears("doesn't match your order", seconds=REST_SECONDS)
    order = town.order_of(customer)["id"]
    [item] = town.sql("SELECT id FROM attention_items WHERE order_id = %s", order)
    answer = {"resolution": "print_it", "note": "the rest at the counter"}
    scene.staff_asks(f"/attention/{item['id']}/resolve", answer, {200})
    customer.hears("received. Your token is", seconds=REST_SECONDS)
    answers = town.sql("SELECT 1 FROM attention_resolutions WHERE item_id = %s", item["id"])
    scene.ending.facts["answers"] = len(answers)


def closes_the_day(_: Story, scene: Scene) -> None:
    """After a printed order. Each of two such stories in one town closes a day of its own."""
    customer, town = scene.customer, scene.town
    town.bank.pays(customer.is_asked_to_pay())
    customer.hears("Ready!", seconds=REST_SECONDS)
    town.sql("UPDATE shops SET created_at = now() - interval '5 days'")
    [day] = town.sql(
        "SELECT ((now() AT TIME ZONE timezone)::date - CASE WHEN EXISTS "
        "(SELECT 1 FROM day_reports) THEN 0 ELSE 1 END)::text AS day FROM shops"
    )
    counted = {"cash_counted_paise": 0, "note": "nobody counted"}
    scene.staff_asks(f"/days/{day['day']}/close", counted, {200, 201})
    reports = town.sql("SELECT 1 FROM day_reports WHERE day = %s::date", day["day"])
    scene.ending.facts["reports"] = len(reports)


def pays_after_the_end(_: Story, scene: Scene) -> None:
    """The order runs out; money that comes late still prints it."""
    customer, town = scene.customer, scene.town
    link = customer.is_asked_to_pay()
    scene.arms(Arm.AT_ONCE)
    town.sql(
        "UPDATE orders SET expires_at = now() - interval '1 second' WHERE id = %s",
        town.order_of(customer)["id"],
    )
    scene.sweep_comes("sweep_orders")
    scene.dies()
    scene.sweep_comes("sweep_orders")
    customer.hears("has run out", seconds=REST_SECONDS)
    scene.ending.facts["run out"] = customer.count("has run out")
    town.bank.pays(link)
    customer.hears("received. Your token is", seconds=REST_SECONDS)


def is_found_in_the_list(_: Story, scene: Scene) -> None:
    """No webhook tells of the money; the comparison of both books does."""
    customer, town = scene.customer, scene.town
    link = customer.is_asked_to_pay()
    scene.arms(Arm.AT_ONCE)
    paid = town.bank.pays(link, "no_webhook")["payment_id"]
    scene.sweep_comes("sweep_captures")
    scene.dies()
    customer.hears("received. Your token is", seconds=REST_SECONDS)
    booked = town.sql("SELECT 1 FROM payments WHERE rzp_payment_id = %s", paid)
    scene.ending.facts["booked"] = len(booked)


def _document(customer: Customer) -> bytes:
    return pdf_of(WHOLE, words=customer.name)


def _answers(customer: Customer) -> None:
    customer.hears("How should I print it", seconds=REST_SECONDS)
    customer.says("bw")
    customer.hears("How many copies", seconds=REST_SECONDS)
    customer.says("1")


_AFTER_THE_QUESTIONS = ("print_ready.", "link.")
_BEFORE_THE_QUESTIONS = ("mover.claim", "mover.before_send", "fetch.", "convert.")
DOUBTFUL = frozenset({"UNCERTAIN"})
EITHER = frozenset({"COMPLETED", "UNCERTAIN"})
WEB, BACKGROUND, WORKER = Who.WEB, Who.BACKGROUND, Who.WORKER

STORIES = [
    Story("web.before_inbox_commit", WEB, repeats_a_message),
    Story("web.before_inbox_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("web.after_inbox_commit", WEB, repeats_a_message),
    Story("web.after_inbox_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.claim_before_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.claim_after_commit", WEB, prints, Arm.BEFORE_PAYING, lapse=True),
    Story("api.begin_before_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.begin_after_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.report_before_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.report_after_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("mover.claim", BACKGROUND, prints),
    Story("mover.before_send", BACKGROUND, prints),
    Story("mover.after_send_before_mark", BACKGROUND, prints, Arm.BEFORE_PAYING, extra_ready=1),
    Story("mover.after_send_before_mark:2", BACKGROUND, prints, Arm.BEFORE_PAYING, extra_ready=1),
    Story("fetch.start", BACKGROUND, prints),
    Story("fetch.done", BACKGROUND, prints),
    Story("fetch.after_rename", BACKGROUND, prints),
    Story("convert.before_commit", BACKGROUND, prints),
    Story("print_ready.before_commit", BACKGROUND, prints),
    Story("link.before_create", BACKGROUND, prints),
    Story("link.after_create", BACKGROUND, prints),
    Story("link.before_cancel", BACKGROUND, changes_the_order),
    Story("link.after_cancel", BACKGROUND, changes_the_order),
    Story("link.made_before_commit", BACKGROUND, prints),
    Story("link.made_after_commit", BACKGROUND, prints),
    Story("link.learn_before_commit", BACKGROUND, changes_the_order),
    Story("link.learn_after_commit", BACKGROUND, changes_the_order),
    Story("settle.before_decide", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("mover.before_decide_commit", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("mover.after_decide_commit", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("mover.before_wake", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("refund.before_call", BACKGROUND, pays_twice),
    Story("refund.after_call", BACKGROUND, pays_twice),
    Story("refund.request_before_commit", WEB, refunds_a_part),
    Story("refund.request_after_commit", WEB, refunds_a_part),
    Story("refund.apply_before_commit", BACKGROUND, pays_twice),
    Story("refund.apply_after_commit", BACKGROUND, pays_twice),
    Story("desk.cash_before_commit", WEB, pays_in_cash),
    Story("desk.cash_after_commit", WEB, pays_in_cash),
    Story("attention.resolve_before_commit", WEB, accepts_another_amount),
    Story("attention.resolve_after_commit", WEB, accepts_another_amount),
    Story("day.close_before_commit", WEB, closes_the_day),
    Story("day.close_after_commit", WEB, closes_the_day),
    Story("order.expire_before_commit", BACKGROUND, pays_after_the_end),
    Story("order.expire_after_commit", BACKGROUND, pays_after_the_end),
    Story("match.before_commit", BACKGROUND, is_found_in_the_list),
    Story("match.after_commit", BACKGROUND, is_found_in_the_list),
    Story("retention.after_unlink", BACKGROUND, deletes),
    Story("worker.after_claim", WORKER, prints, lapse=True),
    Story("worker.mid_download", WORKER, prints, lapse=True),
    Story("worker.before_journal", WORKER, prints, lapse=True),
    Story("worker.after_journal", WORKER, prints),
    Story("worker.after_begin", WORKER, prints),
    Story("worker.after_begin", WORKER, prints, Arm.BEFORE_PAYING, lapse=True, job=DOUBTFUL),
    Story("worker.in_submit_1", WORKER, prints),
    Story("worker.in_submit_2", WORKER, prints),
    Story("worker.in_submit_3", WORKER, prints, job=EITHER),
    Story("worker.after_accept", WORKER, prints, job=EITHER),
    Story("worker.before_report", WORKER, prints, job=EITHER),
    # A slow answer has the first report sent twice: then the second passing is in mid-print.
    Story("worker.before_report:2", WORKER, prints, job=EITHER),
    Story("worker.after_report", WORKER, prints, job=EITHER),
    Story("worker.after_report:2", WORKER, prints, job=EITHER),
]
