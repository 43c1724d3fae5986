"""Photographs of a report: what the README shows, taken by the system's Chromium. Nothing is downloaded.

As a script, for any report file: `python tests/report_photographs.py REPORT.html docs/images/report.png`
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

# Works as root in a container, without a display, and calls nobody.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
)
README_WIDTH, README_HEIGHT = 1120, 1180  # the verdict and the first requirements
SHARPNESS = 1.5  # device pixels: sharp on a laptop, and below the limit below
LARGEST_BYTES = 300_000  # a README that loads at once


def find_chromium() -> str | None:
    """The browser to drive: SEATRIAL_TEST_CHROMIUM, or `chromium` on PATH."""
    return os.environ.get("SEATRIAL_TEST_CHROMIUM") or shutil.which("chromium")


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser,
    *,
    width: int,
    height: int = 900,
    scheme: Literal["light", "dark"] = "light",
    sharpness: float = 1.0,
) -> Iterator[Page]:
    """An empty window of that size."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=sharpness
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def photograph(browser: Browser, report: Path, target: Path) -> None:
    """Writes the README's picture of the report."""
    with opened(browser, width=README_WIDTH, height=README_HEIGHT, sharpness=SHARPNESS) as page:
        page.goto(report.resolve().as_uri())
        target.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(target))


def main() -> None:
    program = find_chromium()
    if program is None:
        sys.exit("no Chromium: put `chromium` on PATH, or name it in SEATRIAL_TEST_CHROMIUM")
    report, target = (Path(argument) for argument in sys.argv[1:])
    with chromium(program) as browser:
        photograph(browser, report, target)
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
