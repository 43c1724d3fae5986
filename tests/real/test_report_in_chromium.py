"""The report in a real browser: nothing is blocked, nothing is fetched, everything fits, and it prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from seatrial.report.html import render_report
from tests.report_photographs import LARGEST_BYTES, chromium, find_chromium, opened, photograph
from tests.report_sample import WAIVER, attacked_view, census_view

PHONE, TABLET, DESKTOP = 360, 768, 1200


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None or not Path(program).is_file():
        pytest.skip("no Chromium: put `chromium` on PATH, or name it in SEATRIAL_TEST_CHROMIUM")
    with chromium(program) as browser:
        yield browser


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "tried.html"
    path.write_text(render_report(attacked_view()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "census-1.html"
    path.write_text(render_report(census_view(waivers=(WAIVER,))), encoding="utf-8")
    return path


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
def test_it_opens_without_a_complaint_or_a_request_and_fits(browser: Browser, report: Path, width: int) -> None:
    said: list[str] = []
    asked: list[str] = []
    with opened(browser, width=width) as page:
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_load_state("networkidle")
        assert said == []
        assert asked == [report.as_uri()]
        assert overflow(page) == 0


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_trial_alone_fits_and_breaks_no_word_letter_by_letter(
    browser: Browser, tried: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    broken = """() => [...document.querySelectorAll("th, td")].flatMap((cell) => {
        const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = [];
        while (walk.nextNode()) for (const word of walk.currentNode.data.matchAll(/(?<!\\S)[A-Za-z]{2,13}(?!\\S)/g)) {
            const place = document.createRange();
            place.setStart(walk.currentNode, word.index);
            place.setEnd(walk.currentNode, word.index + word[0].length);
            if (place.getClientRects().length > 1) found.push(word[0]);
        }
        return found;
    })"""
    with opened(browser, width=width, scheme=scheme) as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(tried.as_uri())
        assert overflow(page) == 0
        assert page.evaluate(broken) == []
        assert said == []


def test_pictures_are_drawn(browser: Browser, tried: Path) -> None:
    with opened(browser, width=DESKTOP) as page:
        page.goto(tried.as_uri())
        boxes = [one.bounding_box() for one in page.locator("svg.image").all()]
        assert len(boxes) == 9
        assert all(box is not None and box["width"] == box["height"] > 50 for box in boxes)


def test_the_content_policy_is_in_force(browser: Browser, report: Path, tmp_path: Path) -> None:
    tampered = tmp_path / "tampered.html"
    planted = (
        "<p style='color: red'>x</p><script>document.title = 'owned'</script><img src='https://example.com/x.png'>"
    )
    tampered.write_text(report.read_text(encoding="utf-8").replace("</main>", f"{planted}</main>"), encoding="utf-8")
    said: list[str] = []
    with opened(browser, width=DESKTOP) as page:
        page.on("console", lambda message: said.append(message.text))
        page.goto(tampered.as_uri())
        assert page.title() != "owned"
    for blocked in ("inline style", "inline script", "example.com"):
        assert any(blocked in line for line in said), said


def test_the_style_is_applied_though_the_policy_names_it_only_by_digest(browser: Browser, report: Path) -> None:
    with opened(browser, width=DESKTOP) as page:
        page.goto(report.as_uri())
        assert page.evaluate("getComputedStyle(document.body).marginTop") == "0px"
        assert page.locator("h1").bounding_box() is not None


def test_the_verdict_is_seen_without_scrolling_on_a_phone(browser: Browser, report: Path) -> None:
    with opened(browser, width=PHONE, height=740) as page:
        page.goto(report.as_uri())
        box = page.locator("h1").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 740


def test_text_in_the_drawings_stays_inside_the_window(browser: Browser, report: Path) -> None:
    outside = """() => [...document.querySelectorAll("svg text")].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.width > 0 && (box.left < 0 || box.right > window.innerWidth);
    }).map((text) => text.textContent)"""
    with opened(browser, width=PHONE) as page:
        page.goto(report.as_uri())
        assert page.evaluate(outside) == []


def test_the_dark_scheme_is_dark(browser: Browser, report: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, width=DESKTOP, scheme="dark") as dark, opened(browser, width=DESKTOP) as light:
        dark.goto(report.as_uri())
        light.goto(report.as_uri())
        assert dark.evaluate(background) != light.evaluate(background)


def test_it_prints_to_a_few_pages(browser: Browser, report: Path) -> None:
    with opened(browser, width=DESKTOP) as page:
        page.goto(report.as_uri())
        printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 14


def test_its_photograph_is_small_enough_for_the_readme(browser: Browser, report: Path, tmp_path: Path) -> None:
    photograph(browser, report, tmp_path / "report.png")
    assert 20_000 < (tmp_path / "report.png").stat().st_size < LARGEST_BYTES
