"""Every view under axe-core (WCAG 2.2 A and AA): in light, dark and on a phone, without a violation."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from tests.serve.page.conftest import OWNER, TITLED, Picture, Site, Traced, ask, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
WIDE, PHONE = {"width": 1180, "height": 820}, {"width": 390, "height": 844}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    if not page.evaluate("typeof axe === 'object'"):
        pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
        page.evaluate((resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    # What is inside the certificate's frame is tested where the certificate is made.
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, iframes: false, resultTypes: ['violations']})", RULES
    )
    return [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(
    ("name", "size", "scheme"), [("light", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")]
)
def test_every_view_is_accessible(
    browser: Browser, site: Site, labels: Site, picture: Picture, name: str, size: dict[str, int], scheme: str
) -> None:
    phone = size is PHONE
    context = browser.new_context(
        locale="en-GB",
        viewport=size,
        color_scheme=scheme,
        has_touch=phone,
        is_mobile=phone,
        device_scale_factor=2 if phone else 1,  # type: ignore[arg-type]
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    problems: list[str] = []

    def look(view: str) -> None:
        problems.extend(f"{view}: {one}" for one in violations(page))
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            problems.append(f"{view}: {width} px wide")
        picture(page, f"{name}-{view}")

    try:
        page.goto(site.url)
        page.get_by_label("Token").wait_for()
        look("sign-in")
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        look("sign-in-wrong")
        page.get_by_label("Token").fill(OWNER)
        page.keyboard.press("Enter")
        page.get_by_label("Your question").wait_for()
        look("empty")
        for question in (TITLED, "Who wins the cup?", "Late"):
            page.get_by_label("Your question").fill(question)
            page.get_by_role("button", name="Ask", exact=True).click()
            page.get_by_role("button", name="Ask", exact=True).wait_for()
        page.get_by_role("alert").wait_for()
        marked = page.get_by_role("button", name=re.compile(Traced.FOUND))
        look("answers")
        page.evaluate("scrollTo(0, 0)")
        picture(page, f"{name}-answers-top")
        marked.click()
        page.get_by_role("dialog").wait_for()
        look("passage")
        page.keyboard.press("Escape")
        page.get_by_role("button", name=re.compile("^Receipt ")).first.click()
        page.get_by_text("Everything that was checked fits.").wait_for()
        look("receipt")
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Log").click()
        page.locator("table.entries").wait_for()
        look("log")
        page.get_by_role("link", name="Model").click()
        page.get_by_role("heading", name="Certificate").wait_for()
        look("model")
        sign_in(page, labels)
        ask(page, "Fell, bleeding")
        if phone:
            page.get_by_role("button", name="Ask", exact=True).click()
        page.locator(".label").wait_for()
        look("label")
    finally:
        context.close()
    assert problems == []
