"""What a person meets in the browser: signing in, asking, the trace, the receipt, the log, the certificate, errors."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from helder.serve.audit.record import Record
from tests.serve.page.conftest import (
    AFTER,
    ANSWER,
    AROUND,
    OWNER,
    PURPOSE,
    QUOTED,
    QUOTING,
    TITLED,
    Picture,
    Site,
    Traced,
    ask,
    limited,
    sign_in,
)
from tests.serve.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.slow


def test_signing_in_needs_a_token_that_is_one_and_leaves_it_nowhere(page: Page, site: Site, picture: Picture) -> None:
    page.goto(site.url)
    field = page.get_by_label("Token")
    assert field.evaluate("field => field === document.activeElement")
    picture(page, "sign-in")
    field.fill("wrong")
    page.keyboard.press("Enter")
    assert "no such token" in page.get_by_role("alert").inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    field.fill(OWNER)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=PURPOSE).wait_for()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert OWNER not in kept and json.loads(kept)[2] == ""
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.reload()
    page.get_by_role("heading", name=PURPOSE).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
    assert page.context.cookies() == []


def test_an_answer_comes_with_its_trace_its_passages_and_how_sure_it_is(
    page: Page, site: Site, picture: Picture
) -> None:
    sign_in(page, site)
    picture(page, "empty")
    ask(page, TITLED)
    marked = page.get_by_role("button", name=re.compile(Traced.FOUND))
    marked.wait_for()
    assert (
        page.locator(".says").inner_text().replace(marked.locator(".hidden").inner_text(), "").startswith("Report it")
    )
    assert page.locator(".says .span.prompt").inner_text().startswith("it")
    legend = page.get_by_role("list", name="Where the words of the answer stand").inner_text()
    assert re.sub(r"\s+", " ", legend) == "own documents 54% your question 3% found in neither 44%"
    assert "93% sure" in page.locator(".facts").inner_text()
    page.locator(".passages summary").first.click()
    assert page.locator(".passages details mark").first.inner_text() == "Write it into the register within 24 hours"
    assert page.get_by_text("It quotes 1 of them word for word").is_visible()
    picture(page, "answer")
    # A click, or the keyboard, opens the passage in its document; Escape closes it and gives the focus back.
    marked.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Where it stands")
    assert panel.locator("blockquote").inner_text() == AROUND + Traced.FOUND + AFTER
    assert panel.locator("mark").inner_text() == Traced.FOUND
    assert "handbook/medication.md" in panel.inner_text() and "2 places" in panel.inner_text()
    picture(page, "passage")
    panel.get_by_role("button", name="2").click()
    assert panel.locator("blockquote").inner_text().startswith("Before 2019: ")
    page.keyboard.press("Escape")
    panel.wait_for(state="detached")
    assert marked.evaluate("span => span === document.activeElement")


def test_an_answer_appears_as_it_is_written_and_can_be_stopped(page: Page, site: Site, picture: Picture) -> None:
    site.waits.clear()
    sign_in(page, site)
    ask(page, "Slowly, please")
    page.get_by_text("One two three four").wait_for()
    picture(page, "writing")
    assert page.locator(".answer").get_attribute("aria-busy") == "true"
    before = site.log.size
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. What you see is not a whole answer.", exact=True).last.wait_for()
    assert page.locator(".says").inner_text() == "One two three four"
    assert page.get_by_label("Your question").evaluate("field => field === document.activeElement")
    # What was given until then is in the log, and the page finds its receipt.
    page.get_by_role("button", name="Receipt").click()
    page.get_by_role("dialog").get_by_text("Stopped by the asker").wait_for()
    assert site.log.size == before + 1
    page.keyboard.press("Escape")
    site.waits.set()
    ask(page, "Slowly, please")
    page.get_by_text("One two three four five six seven eight").first.wait_for()


def test_a_withheld_answer_says_so_and_why(page: Page, site: Site, picture: Picture) -> None:
    sign_in(page, site)
    ask(page, "Who wins the cup?")
    page.locator(".withheld").get_by_text("The model is too unsure to answer this.").wait_for()
    told = page.locator(".withheld").inner_text()
    assert "The handbook does not tell me." in told and "It was 31% sure; 80% are needed." in told
    assert page.locator(".span").count() == 0
    picture(page, "abstained")


def test_a_receipt_is_checked_in_the_browser_and_a_forged_one_is_found(
    page: Page, site: Site, picture: Picture
) -> None:
    sign_in(page, site)
    ask(page, TITLED)
    button = page.get_by_role("button", name=re.compile("^Receipt "))
    button.click()
    panel = page.get_by_role("dialog", name="Receipt")
    panel.get_by_text("Everything that was checked fits.").wait_for()
    assert panel.locator(".checks .fits").count() == 4 and panel.locator(".checks li").count() == 4
    index = int(button.inner_text().removeprefix("Receipt "))
    stamped = site.log.receipt(site.log.entries(index, 1)[0]["record"]["id"])
    assert stamped is not None and stamped.checkpoint.split("\n")[2] in panel.inner_text()
    picture(page, "receipt")
    with page.expect_download() as saved:
        panel.get_by_role("button", name="Save the receipt").click()
    assert json.loads(saved.value.path().read_text(encoding="utf-8"))["data"] == stamped.data.decode("utf-8")
    page.keyboard.press("Escape")

    good = stamped.to_json()
    forged = {
        "record": {"data": good["data"].replace('"ward-handbook"', '"ward-handbok"')},
        "tree": {"proof": [*good["proof"][::-1], "00" * 32]},
        "signature": {"checkpoint": good["checkpoint"].replace("ward.example/handbook\n", "ward.example/handbok\n", 1)},
        "texts": {"salts": {**(good["salts"] or {}), "answer": "00" * 32}},
    }
    for name, change in forged.items():
        page.route("**/v1/receipts/*", partial(_forge, {**good, **change}))
        button.click()
        panel.get_by_text("Something does not fit.").wait_for()
        assert panel.locator(".checks .broken").count() >= 1
        broken = panel.locator(".checks .broken").all_inner_texts()
        words = {
            "record": "not the one that the receipt names",
            "tree": "not in the log",
            "signature": "not signed",
            "texts": "not the one that was recorded",
        }
        assert any(words[name] in text for text in broken), (name, broken)
        if name == "record":
            picture(page, "receipt-forged")
        page.keyboard.press("Escape")
        page.unroute("**/v1/receipts/*")


def _forge(receipt: dict[str, Any], route: Route) -> None:
    route.fulfill(json=receipt)


def test_a_quotation_that_stands_in_no_passage_is_not_shown_as_one(page: Page, site: Site) -> None:
    assert [QUOTING[one["start"] : one["stop"]] for one in QUOTED] == ["stay with the patient", "never sleep 🩺"]
    sign_in(page, site)
    ask(page, "Quote it")
    page.get_by_text("stands word for word in none of these passages").wait_for()
    assert page.locator(".says .quote").all_inner_texts() == ["stay with the patient"]
    [no_quote] = page.locator(".says .no-quote").all_inner_texts()
    assert no_quote.startswith("never sleep 🩺") and "not word for word in any passage" in no_quote


def test_who_may_see_the_log_sees_what_was_kept_until_it_is_erased(page: Page, site: Site) -> None:
    sign_in(page, site)
    ask(page, "Who wins the cup?")
    page.locator(".withheld").wait_for()
    page.get_by_role("link", name="Log").click()
    page.locator("table.entries tbody tr").first.get_by_role("button").click()
    panel = page.get_by_role("dialog", name="Receipt")
    panel.get_by_role("button", name="Show question and answer").click()
    panel.get_by_text("Who wins the cup?").wait_for()
    panel.get_by_text("Question and answer are the ones that were recorded.").wait_for()
    assert panel.locator("blockquote").all_inner_texts() == ["Who wins the cup?", "The handbook does not tell me."]
    page.keyboard.press("Escape")
    site.log.erase(id=site.log.entries(site.log.size - 1, 1)[0]["record"]["id"], who=None, by="owner", reason="test")
    page.locator("table.entries tbody tr").first.get_by_role("button").click()
    panel.get_by_text("Everything that was checked fits.").wait_for()
    panel.get_by_role("button", name="Show question and answer").click()
    panel.get_by_text("Nothing is kept of it, or it was erased.").wait_for()


def test_what_comes_from_models_documents_and_people_never_becomes_markup(page: Page, site: Site) -> None:
    sign_in(page, site)
    question = "<b>bold</b> & <script>1</script>"
    ask(page, question)
    page.get_by_text("**no markup**").first.wait_for()
    assert page.locator(".question").inner_text() == question
    assert page.locator(".exchanges img, .exchanges b, .exchanges script").count() == 0


def test_records_are_tables_and_labels_have_their_probability(
    page: Page, records: Site, labels: Site, picture: Picture
) -> None:
    sign_in(page, records)
    ask(page, "2 tabs, 1 prn")
    table = page.locator("table.record")
    table.first.wait_for()
    rows = [re.sub(r"\s+", " ", row) for row in table.first.locator("tr").all_inner_texts()]
    assert rows == ["form tablet", "dose 2", "as_required no"]
    assert table.nth(1).locator("td").all_inner_texts() == ["none", "none", "yes"]
    page.get_by_text("As the model wrote it").click()
    assert page.locator(".raw .says").inner_text() == '[{"form":"tablet","dose":2},{"as_required":true}]'
    picture(page, "records")

    sign_in(page, labels)
    ask(page, "Fell, bleeding")
    page.get_by_text("Of 212 measured answers that were as sure, 94% were right (88% to 97%).").wait_for()
    assert page.locator(".label .value").first.inner_text() == "urgent"
    assert page.get_by_role("img", name="Probability of being right: 94%").is_visible()
    ask(page, "A question")
    page.get_by_text("This is how sure the model itself is.").wait_for()
    assert page.locator(".chance").nth(1).inner_text() == "99.9%"  # never 100 % for what is not certain
    picture(page, "labels")


def test_the_log_is_paged_and_found_by_id_and_by_time_by_those_who_may(
    page: Page, site: Site, picture: Picture
) -> None:
    sign_in(page, site)
    for number in range(60 - site.log.size):
        record = Record(
            f"chatcmpl-{number:024x}", "owner", "ward-handbook", "5e" * 32, "q8_0", "llama.cpp", "?", "–", "stop",
        )  # fmt: skip
        site.log.append(record)
    page.get_by_role("link", name="Log").click()
    page.get_by_role("heading", name="Audit log").wait_for()
    numbers = page.locator("table.entries tbody tr td:first-child")
    numbers.first.wait_for()
    size = site.log.size
    assert numbers.all_inner_texts() == [str(number) for number in range(size - 1, size - 26, -1)]
    picture(page, "log")
    page.get_by_role("button", name="Older").click()
    page.get_by_text(f"Numbers {size - 50} to {size - 26}; {size} in all").first.wait_for()
    assert numbers.first.inner_text() == str(size - 26)
    page.get_by_role("button", name="Newer").click()
    page.get_by_text(f"Numbers {size - 25} to {size - 1}; {size} in all").first.wait_for()

    entry = site.log.entries(7, 1)[0]["record"]
    page.get_by_label("Id of an answer").fill(entry["id"])
    page.get_by_role("button", name="Find").click()
    panel = page.get_by_role("dialog", name="Receipt")
    panel.get_by_text("Everything that was checked fits.").wait_for()
    assert entry["id"] in panel.inner_text()
    page.keyboard.press("Escape")
    page.get_by_label("Id of an answer").fill("chatcmpl-none")
    page.keyboard.press("Enter")
    panel.get_by_text("There is no such thing here.").wait_for()
    page.keyboard.press("Escape")
    page.get_by_label("Id of an answer").fill("")
    page.get_by_label("From this time on").fill(entry["time"][:19])
    page.get_by_role("button", name="Find").click()
    first = next(one["index"] for one in site.log.entries(0, 60) if one["record"]["time"] >= entry["time"][:19])
    page.get_by_text(f"Numbers {first} to {first + 24}; {size} in all").first.wait_for()

    token = site.tokens.make("only-asks", ["ask"])
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, site, token)
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Ask", "Model"]
    page.goto(f"{site.url}/#log")
    page.get_by_label("Your question").wait_for()


def test_the_certificate_is_shown_and_cut_off_from_the_session(
    page: Page, site: Site, picture: Picture, complaints: list[str]
) -> None:
    sign_in(page, site)
    page.get_by_role("link", name="Model").click()
    page.get_by_role("heading", name="What stands behind ward-handbook").wait_for()
    told = page.locator("main").inner_text()
    for fact in ("a closed room (level 3)", "At most 5.0% of the answers", "ward.example/handbook", "Apache-2.0"):
        assert fact in told
    page.locator("iframe").scroll_into_view_if_needed()
    found = page.frame_locator("iframe").locator("#found")
    found.get_by_text("no-fetch").wait_for()
    assert found.inner_text() == "nothing no-parent no-cookie no-fetch"
    page.evaluate("scrollTo(0, 0)")
    picture(page, "model", full_page=True)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open it in a tab of its own").click()
    opened.value.get_by_text("no-fetch").wait_for()
    assert "no-cookie no-fetch" in opened.value.locator("#found").inner_text()
    opened.value.close()
    assert complaints and all("Content Security Policy" in one or "sandboxed" in one for one in complaints)
    complaints.clear()


def test_the_certificate_checks_its_own_signature_in_its_frame(page: Page, records: Site, picture: Picture) -> None:
    sign_in(page, records)
    page.get_by_role("link", name="Model").click()
    page.locator("iframe").scroll_into_view_if_needed()
    frame = page.frame_locator("iframe")
    frame.locator("#signature.fits, #signature.broken").wait_for()
    assert "fits" in (frame.locator("#signature").get_attribute("class") or "")
    picture(page, "certificate")


def test_a_project_without_a_certificate_says_how_to_make_one(page: Page, labels: Site) -> None:
    sign_in(page, labels)
    page.get_by_role("link", name="Model").click()
    page.get_by_text("This model is served from a project and has no certificate yet.").wait_for()
    assert page.locator("iframe").count() == 0


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Fail", "The server cannot answer just now."),
        ("Log", "The answer could not be recorded, and is not given."),
        ("Late", "The answer took too long."),
        ("Break", "The server failed."),
        ("word " * 70, "The question is too long."),
    ],
)
def test_what_the_server_does_not_do_is_told_in_words(page: Page, site: Site, question: str, title: str) -> None:
    sign_in(page, site)
    ask(page, question)
    page.get_by_role("alert").get_by_text(title).wait_for()
    if question in ("Fail", "Log"):
        again = page.get_by_role("button", name="Try again")
        assert again.is_disabled() and "Try again in" in page.get_by_role("alert").inner_text()
    if question == "Fail":
        again.click()  # enabled when the seconds are over
        page.get_by_role("alert").get_by_text(title).wait_for()


def test_a_rate_that_is_used_up_tells_when_to_come_back(page: Page, site: Site, picture: Picture) -> None:
    sign_in(page, site, limited(site, "few", "2/hour"))
    for place in range(3):
        ask(page, "?")
        page.locator(".question").nth(place).wait_for()
        page.get_by_role("button", name="Ask", exact=True).wait_for()
    page.get_by_role("alert").get_by_text("Too many are asking just now.").wait_for()  # of three, one: two are allowed
    assert page.locator(".legend").count() == 2  # and looking up where they stand does not count
    assert "Try again in about 30 min." in page.get_by_role("alert").inner_text()
    picture(page, "busy")


def test_a_session_that_ended_asks_for_the_token_again(page: Page, site: Site) -> None:
    token = site.tokens.make("leaves", ["ask"])
    sign_in(page, site, token)
    site.tokens.revoke("leaves")
    ask(page, TITLED)
    page.get_by_text("Your session has ended. Sign in again to go on.").wait_for()


def test_a_server_that_is_gone_is_told(page: Page, site: Site) -> None:
    sign_in(page, site)
    page.route("**/v1/chat/completions", lambda route: route.abort())
    ask(page, TITLED)
    page.get_by_role("alert").get_by_text("The server cannot be reached.").wait_for()
    page.unroute("**/v1/chat/completions")
    half = 'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Half"},"finish_reason":null}]}\n\n'
    page.route("**/v1/chat/completions", lambda route: route.fulfill(body=half, content_type="text/event-stream"))
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("alert").get_by_text("The answer broke off.").wait_for()
    assert page.locator(".says").inner_text() == "Half"


def test_helder_serve_itself_shows_the_page_and_its_model_answers(page: Page, server: Running) -> None:
    said = "".join(server.log)
    url = server.url.removesuffix("/v1")
    assert f"page:  {url}/ " in said
    page.goto(url)
    page.get_by_label("Token").fill(server.token)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Turn a dose instruction into a record.").wait_for()
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Ask", "Model"]  # it has no log
    ask(page, "2 tabs tds pc")
    page.locator("table.record").first.wait_for()
    assert page.locator(".facts button").count() == 0


def test_every_language_is_spoken_everywhere(page: Page, site: Site) -> None:
    sign_in(page, site)
    ask(page, "Who wins the cup?")
    page.locator(".withheld").wait_for()
    for language, words in (
        ("nl", "Het model is te onzeker om dit te beantwoorden."),
        ("de", "Das Modell ist zu unsicher, um darauf zu antworten."),
        ("fr", "Le modèle est trop incertain pour répondre à cela."),
    ):
        page.locator("select").select_option(language)
        page.locator(".withheld").get_by_text(words).wait_for()
        page.wait_for_function("language => document.documentElement.lang === language", arg=language)
    page.reload()  # the choice is remembered
    page.get_by_label("Votre question").wait_for()
    assert ANSWER not in page.content()  # the conversation is not


def test_everything_can_be_done_with_the_keyboard(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_label("Token").wait_for()
    page.keyboard.type(OWNER)
    page.keyboard.press("Enter")
    page.get_by_label("Your question").wait_for()
    page.keyboard.type(TITLED)
    page.keyboard.press("Shift+Enter")
    assert page.get_by_label("Your question").input_value() == TITLED + "\n"
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile(Traced.FOUND)).wait_for()
    order: list[str] = []
    for _ in range(20):
        page.keyboard.press("Tab")
        place = "document.activeElement"
        order.append(page.evaluate(f"({place}.innerText || {place}.id).split('\\n')[0].slice(0, 24)"))
    round_ = order[order.index("Ask") - 1 :]
    expected = ["To the contents", "Ask", "Model", "Log", "English", "Sign out", "write it into the regist"]
    assert round_[: len(expected)] == expected
    assert round_[len(expected) :].index("question") > round_[len(expected) :].index("handbook/medication.md q")
    assert page.get_by_role("status").inner_text().startswith("The answer: Report it")


def test_no_request_leaves_for_another_address(page: Page, site: Site, complaints: list[str]) -> None:
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    sign_in(page, site)
    ask(page, TITLED)
    page.get_by_role("button", name=re.compile(Traced.FOUND)).wait_for()
    page.get_by_role("link", name="Log").click()
    page.get_by_role("heading", name="Audit log").wait_for()
    assert asked and {url for url in asked if not url.startswith(site.url + "/")} == set()
    # And a script that got in could not: the browser holds to the policy.
    blocked = page.evaluate("fetch('http://192.0.2.1/').then(() => 'sent', error => error.name)")
    assert blocked == "TypeError"
    assert all("connect-src 'self'" in one or "Content Security Policy" in one for one in complaints)
    assert complaints
    complaints.clear()
