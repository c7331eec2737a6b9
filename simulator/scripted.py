"""A customer made of code: walks all fourteen steps against a running shop and checks the paper.

`python -m simulator.scripted --simulator URL --backend URL --paper DIR [--with-docx]`
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from simulator.paper import Paper

CONVERTER = re.compile(r"convert|office", re.IGNORECASE)
BLACK_AND_WHITE = re.compile(r"b\s*&\s*w|black|mono|ब्लैक", re.IGNORECASE)
COLOUR = re.compile(r"colou?r|रंग", re.IGNORECASE)
MIX = re.compile(r"mix|both|मिला", re.IGNORECASE)
COPIES = re.compile(r"cop(y|ies)|कॉपी", re.IGNORECASE)
TOKEN = re.compile(r"(?:token|टोकन)\D{0,24}?(\d+)", re.IGNORECASE)
READY = re.compile(r"ready|तैयार", re.IGNORECASE)
LONGEST_POLL = 25.0  # seconds one question to the simulator may take


@dataclass(frozen=True)
class Order:
    """What one person has printed: `pages` of one copy, and which of them in colour."""

    person: str
    sample: str
    what: str
    wanted: re.Pattern[str]
    avoided: re.Pattern[str] | None
    typed: str
    copies: int
    pages: int
    colour: tuple[int, ...]


PDF = Order("Asha", "color_pdf", "a PDF of 6 pages", MIX, None, "both", 2, 6, (1, 4))
PHOTO = Order("Ravi", "photo", "a photo", COLOUR, MIX, "colour", 1, 1, (1,))
WORD = Order("सुनीता", "docx", "a Word document", BLACK_AND_WHITE, None, "black and white", 1, 1, ())


class StepFailed(Exception):
    """A step did not happen; the text says which, and what was seen last."""


@dataclass
class Walk:
    """One order from hello to paper."""

    order: Order
    simulator: httpx2.Client
    paper: Paper
    patience: float
    number: int = 0
    seen: int = 0
    last: str = "nothing"
    link: dict[str, Any] = field(default_factory=dict)

    def run(self) -> str:
        """Walk; the token at the end. Raises StepFailed."""
        order = self.order
        self.seen = len(self._chat())
        self._say("Hi")
        self.step(f"{order.person} writes “Hi”")
        self._expect("an answer to “Hi”", lambda message: bool(message["text"]))
        self.step(f"The shop answers: {self.last}")
        self._post(f"/people/{order.person}/send", {"sample": order.sample})
        self.step(f"{order.person} sends {order.what}")
        question = self._expect("the question how to print", _asks_how)
        self.step(f"The shop asks: {self.last}")
        self._choose(question)
        question = self._expect("the question how many copies", _asks_copies)
        self.step(f"The shop asks: {self.last}")
        self._copies(question)
        self._expect("a message with ₹ and the payment link", self._carries_link)
        self.step(f"The shop names price and link: {self.last}")
        paid = self._post(f"/links/{self.link['id']}/pay", {"case": "normal", "method": "upi"})
        self.step(f"{order.person} pays ₹{paid['amount'] / 100:.2f}")
        token = self._confirmed(paid)
        self._printed(token)
        self._expect(
            f"the message that token {token} is ready",
            lambda message: bool(READY.search(message["text"])) and token in message["text"],
        )
        self.step(f"The shop says: {self.last}")
        return token

    def _choose(self, question: dict[str, Any]) -> None:
        order = self.order
        button = _button(question, order.wanted, order.avoided)
        if button:
            self._tap(button)
        else:
            self._say(order.typed)
        how = button["title"] if button else order.typed
        self.step(f"{order.person} chooses {how}")

    def _copies(self, question: dict[str, Any]) -> None:
        copies = self.order.copies
        button = _button(question, re.compile(rf"^\D*{copies}\b"), None)
        if button:
            self._tap(button)
        else:
            self._say(str(copies))
        self.step(f"{self.order.person} wants {copies}")

    def _carries_link(self, message: dict[str, Any]) -> bool:
        links = {each["short_url"]: each for each in self._get("/links")["links"]}
        carried = [url for url in message["links"] if url in links]
        if "₹" not in message["text"] or not carried:
            return False
        self.link = links[carried[0]]
        return True

    def _confirmed(self, paid: dict[str, Any]) -> str:
        """The webhook was accepted and the customer has a token."""
        wanted = {event["id"] for event in paid["events"]}
        deadline = time.monotonic() + self.patience
        events: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            events = [each for each in self._get("/events")["events"] if each["id"] in wanted]
            if any(each["state"] == "delivered" for each in events):
                break
            time.sleep(0.2)
        else:
            self.last = str([(each["name"], each["attempts"][-1:]) for each in events])
            raise self._failed("the backend accepted no payment webhook")
        self.step("The payment webhook is accepted")
        message = self._expect(
            "the message with the token", lambda message: bool(TOKEN.search(message["text"]))
        )
        found = TOKEN.search(message["text"])
        token = found[1] if found else ""
        self.step(f"The job is queued as token {token}: {self.last}")
        return token

    def _printed(self, token: str) -> None:
        """The sides on paper are exactly the ones ordered."""
        order, begun = self.order, False
        wanted = order.pages * order.copies
        deadline = time.monotonic() + self.patience
        sides: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            sides = [each for each in self.paper.sides() if str(each.get("token")) == token]
            if sides and not begun:
                begun = True
                self.step("The print worker has taken the job and prints")
            if len(sides) >= wanted:
                break
            time.sleep(0.2)
        self.last = f"{len(sides)} of {wanted} sides on paper; {self.last}"
        if len(sides) != wanted:
            raise self._failed("the printer did not put out what was ordered")
        for side in sides:
            expected = int(side["page"]) in order.colour
            if side["color"] is not expected:
                self.last = str(side)
                raise self._failed(f"page {side['page']} came out in the wrong ink")
        copies = sorted({int(side["copy"]) for side in sides})
        if copies != list(range(1, order.copies + 1)):
            raise self._failed(f"copies {copies} came out instead of {order.copies}")
        coloured = sum(bool(side["color"]) for side in sides)
        self.step(f"On paper: {wanted} {'side' if wanted == 1 else 'sides'}, {coloured} in colour")

    # --- small things ---

    def step(self, text: str) -> None:
        self.number += 1
        print(f"{self.number:>3}  {text}", flush=True)

    def _failed(self, why: str) -> StepFailed:
        return StepFailed(
            f"Step {self.number + 1} ({self.order.what}) failed: {why}. Last seen: {self.last}"
        )

    def _expect(self, what: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message of the shop that fits. Others in between are passed over."""
        deadline = time.monotonic() + self.patience
        while (left := deadline - time.monotonic()) > 0:
            query = {"after": str(self.seen), "timeout": f"{min(left, LONGEST_POLL):.1f}"}
            response = self.simulator.get(
                f"/control/people/{self.order.person}/wait", params=query, timeout=LONGEST_POLL + 10
            )
            if response.status_code == 408:
                continue
            answer = response.raise_for_status().json()
            message: dict[str, Any] = answer["message"]
            self.seen, self.last = answer["index"] + 1, _in_one_line(message)
            if fits(message):
                return message
        raise self._failed(f"{what} did not come within {self.patience:g} s")

    def _say(self, text: str) -> None:
        self._accepted(self._post(f"/people/{self.order.person}/say", {"text": text}))

    def _tap(self, button: dict[str, Any]) -> None:
        self._accepted(self._post(f"/people/{self.order.person}/tap", {"id": button["id"]}))

    def _accepted(self, told: dict[str, Any]) -> None:
        if told["status"] is not None and told["status"] >= 300:
            self.last = f"HTTP {told['status']}"
            raise self._failed("the backend refused the customer's message")

    def _chat(self) -> list[Any]:
        return list(self._get(f"/people/{self.order.person}/chat")["messages"])

    def _get(self, path: str) -> Any:
        return self.simulator.get(f"/control{path}").raise_for_status().json()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        response = self.simulator.post(f"/control{path}", json=body)
        if response.status_code >= 300:
            self.last = response.text
            raise self._failed("the simulator would not do it")
        return response.json()


def _asks_how(message: dict[str, Any]) -> bool:
    text = _everything(message)
    return bool(BLACK_AND_WHITE.search(text) and COLOUR.search(text)) and _is_question(message)


def _asks_copies(message: dict[str, Any]) -> bool:
    return bool(COPIES.search(_everything(message)))


def _is_question(message: dict[str, Any]) -> bool:
    """A price list names both inks too; a question has buttons, a mark or numbered answers."""
    buttons = [each for each in message["buttons"] if each["kind"] != "url"]
    named = any(COLOUR.search(each["title"]) for each in buttons)
    return named or "?" in message["text"] or bool(re.search(r"(?m)^\s*\W*1\W", message["text"]))


def _everything(message: dict[str, Any]) -> str:
    return "\n".join([message["text"], *(each["title"] for each in message["buttons"])])


def _button(
    message: dict[str, Any], wanted: re.Pattern[str], avoided: re.Pattern[str] | None
) -> dict[str, Any] | None:
    for button in message["buttons"]:
        title = button["title"]
        if button["kind"] == "url" or not wanted.search(title):
            continue
        if avoided is None or not avoided.search(title):
            return dict(button)
    return None


def _in_one_line(message: dict[str, Any]) -> str:
    text = " ".join(message["text"].split())
    buttons = " ".join(f"[{each['title']}]" for each in message["buttons"])
    return f"{text} {buttons}".strip()


def wait_until_healthy(backend: str, patience: float) -> dict[str, Any]:
    """The backend's health report, once it is not down. Raises StepFailed."""
    deadline, last = time.monotonic() + patience, "no connection"
    with httpx2.Client(timeout=5, trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                response = client.get(f"{backend}/health")
                last = f"HTTP {response.status_code}: {response.text[:300]}"
                if response.status_code == 200:
                    return dict(response.json())
            except (httpx2.TransportError, ValueError) as error:
                last = type(error).__name__
            time.sleep(0.3)
    raise StepFailed(f"Step 0 failed: the backend at {backend} is not healthy. Last seen: {last}")


def has_converter(health: dict[str, Any]) -> bool:
    """True when a check of the health report speaks of a converter and is fine."""
    checks = health.get("checks", {})
    return any(
        CONVERTER.search(name) and isinstance(check, dict) and check.get("status") == "ok"
        for name, check in checks.items()
    )


def sheets(paper: Paper, tokens: list[str]) -> Iterator[str]:
    """One line per side of paper."""
    for side in paper.sides():
        if str(side.get("token")) in tokens:
            ink = "colour" if side.get("color") else "black & white"
            yield (
                f"     token {side.get('token')}, copy {side.get('copy')},"
                f" sheet {side.get('sheet')}"
                f" {side.get('face')}: page {side.get('page')} in {ink}"
            )


def walk_all(args: argparse.Namespace) -> int:
    health = wait_until_healthy(args.backend.rstrip("/"), args.patience)
    orders = [PDF, PHOTO]
    if args.with_docx or has_converter(health):
        orders.append(WORD)
    else:
        print("     (no Word document: the backend has no converter)")
    paper, tokens = Paper(args.paper), []
    with httpx2.Client(base_url=args.simulator, timeout=30, trust_env=False) as simulator:
        for order in orders:
            print(f"\n     {order.person}: {order.what}")
            tokens.append(Walk(order, simulator, paper, args.patience).run())
    print("\n     On paper:")
    for line in sheets(paper, tokens):
        print(line)
    print(f"\n     All {len(orders)} orders came out as ordered.")
    return 0


def main(argv: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(prog="simulator.scripted", description=__doc__)
    parser.add_argument("--simulator", default="http://127.0.0.1:8900")
    parser.add_argument("--backend", default="http://127.0.0.1:8000")
    parser.add_argument("--paper", type=Path, required=True, help="the virtual printer's folder")
    parser.add_argument("--with-docx", action="store_true", help="send the Word file in any case")
    parser.add_argument("--patience", type=float, default=90, help="seconds to wait per step")
    try:
        return walk_all(parser.parse_args(argv))
    except StepFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
    except httpx2.HTTPError as error:
        print(f"\nThe simulator cannot be reached: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
