"""The page in a real Chromium, before the real server with answers that are written down.

Pictures of every scene are left where HELDER_PICTURES says.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from helder.data.task import Task
from helder.ledger import keys
from helder.serve import api
from helder.serve.abstention import Abstention
from helder.serve.access import Access
from helder.serve.app import create_app
from helder.serve.audit import AuditLog, Keep
from helder.serve.calibrated import Probability
from helder.serve.policy import Policy
from helder.serve.refusals import Refused
from helder.serve.served import Served
from helder.serve.tokens import Allowance, Tokens
from helder.serve.turns import Turns
from tests.certify.page.test_render import make, page_of
from tests.serve.scripted import Scripted, Written

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium")
OWNER = "o" * 24
ANSWER = "Report it to the duty nurse, and write it into the register within 24 hours 🩺."
TITLED = "What must I do when a dose was given twice?"
PURPOSE = "Answer questions of the ward from its own handbook."
DOCUMENT = "handbook/medication.md"
AROUND = "When a dose was given twice, stay with the patient. "
AFTER = ". Incidents are discussed on Monday, without names."
READ = f"{AROUND}Write it into the register within 24 hours{AFTER}"
NIGHT = "At night, the duty nurse is on 3312."
PASSAGES: tuple[dict[str, Any], ...] = (
    {"document": DOCUMENT, "id": "7", "text": READ, "score": 3.2, "quoted": [[len(AROUND), len(AROUND) + 42]]},
    {"document": "handbook/night.md", "id": "9", "text": NIGHT, "score": 1.1, "quoted": []},
)
QUOTING = 'It says "stay with the patient" and "never sleep 🩺".'
QUOTED = (
    {"start": 9, "stop": 30, "verbatim": True},
    {"start": 37, "stop": 50, "verbatim": False},
)
RECORDS = Task(
    kind="record", name="doses", purpose="Turn a dose instruction into a record.", many=True, least=1, most=3,
    schema={"type": "object", "properties": {
        "form": {"enum": [None, "tablet", "puff"], "default": None},
        "dose": {"enum": [None, 1, 2, 0.5], "default": None},
        "as_required": {"type": "boolean", "default": False},
    }},
)  # fmt: skip
LABELS = Task(
    kind="label", name="triage", purpose="How urgent is what is written here?", labels=("urgent", "routine", "other")
)
HOSTILE = """<!doctype html><html lang="en"><title>Certificate</title><h1>Certificate</h1><p id="found">nothing</p>
<script>
const tell = (text) => { document.getElementById("found").textContent += " " + text; };
try { tell(parent.document.title); } catch { tell("no-parent"); }
try { tell(document.cookie || "no-cookie"); } catch { tell("no-cookie"); }
fetch("/session").then((reply) => reply.text()).then(tell, () => tell("no-fetch"));
</script></html>"""


class Traced:
    """The way back, by hand: where the wording stands."""

    FOUND = "write it into the register within 24 hours"

    def trace(self, text: str, prompt: str | None = None) -> dict[str, Any]:
        start = text.find(self.FOUND)
        if start < 0:
            return {"object": "trace", "spans": [{"start": 0, "stop": len(text), "kind": "none", "documents": []}]}
        stop = start + len(self.FOUND)
        place = {"name": DOCUMENT, "line": 12, "title": None, "licence": "CC-BY-4.0", "occurrences": 2}
        passage = {"before": AROUND, "match": self.FOUND, "after": AFTER}
        documents = [
            {**place, "id": "a/1", "passage": passage},
            {**place, "id": "a/2", "name": "handbook/old.md", "passage": {**passage, "before": "Before 2019: "}},
        ]
        spans = [
            {"start": 0, "stop": 7, "kind": "none", "documents": []},
            {"start": 7, "stop": 9, "kind": "prompt", "documents": []},
            {"start": 9, "stop": start, "kind": "none", "documents": []},
            {"start": start, "stop": stop, "kind": "document", "documents": documents},
            {"start": stop, "stop": len(text), "kind": "none", "documents": []},
        ]
        return {"object": "trace", "spans": spans}


@dataclass
class Site:
    """A server that runs, and what a test may turn in it."""

    url: str
    served: Served
    service: Scripted
    tokens: Tokens
    waits: threading.Event = field(default_factory=threading.Event)

    @property
    def log(self) -> AuditLog:
        assert self.served.log is not None
        return self.served.log


@contextmanager
def running(served: Served) -> Iterator[str]:
    """The server in a thread; its address."""
    listener = api.listen("127.0.0.1", 0)
    server = uvicorn.Server(api.configure(create_app(served)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        served.turns.drain(0)
        thread.join(20)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("page-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(folder))
        yield folder


def made(home: Path, name: str, service: Scripted, **more: Any) -> Iterator[Site]:
    tokens = Tokens(home / name / "tokens")
    log = AuditLog.open(home / name / "log", keys.signing_key(), f"ward.example/{name}", Keep("texts"))
    served = Served(service, Turns(), Access(OWNER, tokens), log=log, **more)
    with log, running(served) as url:
        yield Site(url, served, service, tokens)


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[Site]:
    """A model that answers in texts, with everything there."""
    waits = threading.Event()
    promise = "At most 5.0% of the answers that are given are wrong (95% confidence, 400 measured)."
    script = {
        TITLED: Written(ANSWER, confidence=0.93, passages=PASSAGES),
        "Slowly, please": Written("One two three four five six seven eight", waits=waits),
        "Who wins the cup?": Written("The handbook does not tell me.", abstained=True, confidence=0.31),
        "Fail": Written(error=Refused(503, "The engine is being restarted.", code="engine", retry_after=2)),
        "Log": Written(error=Refused(503, "The answer could not be recorded.", code="not_logged", retry_after=30)),
        "Late": Written(error=Refused(504, "The answer took more than 300 s.")),
        "Break": Written(error=RuntimeError("a defect")),
        "Quote it": Written(QUOTING, passages=PASSAGES, quotes=QUOTED),
        "<b>bold</b> & <script>1</script>": Written("<img src=x onerror=alert(1)> **no markup**"),
    }
    certificate = home / "bundle"
    certificate.mkdir()
    (certificate / "certificate.html").write_text(HOSTILE, encoding="utf-8")
    facts = {
        "release": "5e" * 32,
        "levels": [1, 2],
        "licence": "Apache-2.0",
        "signers": [{"key": "ab" * 32, "known": True}],
    }
    policy = Policy({"min_level": 2, "seal": 2}, {"levels": [1, 2], "seal": 3}, facts, 3)
    held = Abstention(0.8, "whole", "The handbook does not tell me.", promise)
    service = Scripted(Task(kind="text", name="ward-handbook", purpose=PURPOSE), script, held)
    for found in made(home, "handbook", service, tracing=Traced(), policy=policy, certificate=certificate):
        yield replace(found, waits=waits)


@pytest.fixture(scope="module")
def records(home: Path) -> Iterator[Site]:
    text = '[{"form":"tablet","dose":2},{"as_required":true}]'
    bundle = home / "doses-bundle"
    bundle.mkdir()
    certificate = page_of(make(home / "run", "record").evidence())
    (bundle / "certificate.html").write_text(certificate, encoding="utf-8")
    policy = Policy(certificate={"release": "5e" * 32})
    yield from made(
        home, "doses", Scripted(RECORDS, {"2 tabs, 1 prn": Written(text)}), policy=policy, certificate=bundle
    )


@pytest.fixture(scope="module")
def labels(home: Path) -> Iterator[Site]:
    script = {
        "Fell, bleeding": Written("urgent", probability=Probability(0.94, True, 0.88, 0.97, 212)),
        "A question": Written("other", probability=Probability(0.999)),
    }
    yield from made(home, "triage", Scripted(LABELS, script))


@pytest.fixture(scope="module")  # its event loop runs as long as it is open, and other files want one of their own
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed, so the page cannot be opened")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(locale="en-GB", viewport={"width": 1180, "height": 820}, timezone_id="UTC")
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def complaints() -> list[str]:
    """Of the browser; what a test expects it takes out."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """A tab; whatever else the browser complains of fails the test."""
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield opened
    # Refusals of the server are told on the page; the browser tells them a second time.
    assert [one for one in complaints if "Failed to load resource" not in one] == []


def sign_in(page: Page, site: Site, token: str = OWNER) -> None:
    page.goto(site.url)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Your question").wait_for()


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


Picture = Callable[..., None]


@pytest.fixture
def picture() -> Picture:
    def take(page: Page, name: str, **more: Any) -> None:
        if folder := os.environ.get("HELDER_PICTURES"):
            page.screenshot(path=Path(folder) / f"{name}.png", **more)

    return take


def limited(site: Site, name: str, rate: str) -> str:
    return site.tokens.make(name, ["ask"], Allowance.read(rate, "rate"))
