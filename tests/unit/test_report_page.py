"""The page: verdict first, nothing left out, nothing that acts, whatever the names in the data are."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.models.signature import Column, Signature
from seatrial.report.html import _breakable, render_report
from seatrial.report.view import ReportView
from seatrial.verdicts.judge import Verdict
from seatrial.verdicts.policy import Policy
from tests.report_sample import REQUIREMENTS, WAIVER, census_trial, census_view

VOID = frozenset({"meta", "path", "circle", "line", "rect", "br"})


class Outline(HTMLParser):
    """Every tag with the names of its attributes, every attribute, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "wbr" and not attrs:  # where a text may break: there are as many as it has separators
            return
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag in {"h1", "h2"}:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data
        if self._open and ("h1" in self._open or "h2" in self._open):
            self.headings[-1] += data.strip()

    def named(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each tag of that name."""
        return [
            {name: value for _, name, value in self._of(index)}
            for index, (name, _) in enumerate(self.tags)
            if name == tag
        ]

    def _of(self, index: int) -> list[tuple[str, str, str]]:
        start = sum(len(names) for _, names in self.tags[:index])
        return self.attributes[start : start + len(self.tags[index][1])]


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(census_view())


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_verdict_is_the_first_heading_and_the_rest_follows_in_the_order_of_its_weight(outline: Outline) -> None:
    assert outline.headings == [
        "Fail",
        "Requirements",
        "Groups compared",
        "Overall",
        "Calibration",
        "Not measured",
        "The test data, and how often it was used",
        "Methods",
        "Where it comes from",
        "Do it again",
    ]


def test_the_verdict_says_why_in_one_sentence(outline: Outline) -> None:
    assert "2 of 6 requirements do not hold: selection rate gap by sex, at most 0.1; and" in squeezed(outline.text)


def test_every_requirement_has_its_outcome_and_a_plot_with_its_threshold(page: str) -> None:
    cards = re.findall(r'<article class="card requirement">.*?</article>', page, re.DOTALL)
    assert len(cards) == len(REQUIREMENTS)
    for card in cards:
        assert re.search(r'<span class="word (pass|fail|inconclusive)">', card)
        assert 'class="threshold"' in card
        assert 'class="interval"' in card


def test_margins_are_stated(outline: Outline) -> None:
    assert "It holds with 0.013 to spare." in outline.text
    gap = next(one for one in census_trial().evidence if str(one.claim) == "selection_rate gap between sex")
    assert f"Female − Male is outside by at least {-0.1 - gap.high:.3f}." in outline.text


def test_an_inconclusive_requirement_says_how_many_rows_a_new_test_set_would_need(outline: Outline) -> None:
    assert re.search(r"a new test set would need about [\d\u202f]+ rows", outline.text)


def test_race_is_said_to_be_undecidable_though_nothing_is_asked_of_it(outline: Outline) -> None:
    text = squeezed(outline.text)
    assert "Not asked for by the policy, and not decidable with this data" in text
    assert "Amer-Indian-Eskimo n = 13" in text
    assert re.search(r"between −\d\.\d{3} and \+\d\.\d{3} \(23 positive rows\)", text)
    assert re.search(r"would take a test set of about [\d ]+ rows", text)


def test_what_was_not_measured_is_shown_with_its_reason(outline: Outline) -> None:
    assert "Robust accuracy" in outline.text
    assert "no distance is meaningful" in outline.text


def test_the_number_of_this_use_and_what_it_costs_are_stated(outline: Outline) -> None:
    text = squeezed(outline.text)
    assert re.search(r"use of this data ?number 1", text)
    assert "1 − α / (k (k + 1))" in text
    assert "within 60 uses" in text
    assert "unweighted" in text


def test_waivers_are_shown_before_the_verdict_with_their_end() -> None:
    page = render_report(census_view(waivers=(WAIVER,)))
    assert page.index(WAIVER.until) < page.index("<h1>")
    assert "A waiver changes no verdict" in page


def test_a_rehearsal_says_that_it_counts_for_nothing() -> None:
    text = squeezed(Outline(render_report(census_view(rehearsal=True))).text)
    assert "Nothing was counted, nothing was released" in text
    assert "use of this data" not in text


def test_an_empty_policy_gives_a_page_without_a_verdict() -> None:
    view = replace(census_view(), policy=Policy(), verdict=Verdict(None, 0.95))
    outline = Outline(render_report(view))
    assert outline.headings[0] == "No verdict"
    assert "nothing can be deployed" in outline.text


def test_the_content_policy_allows_the_one_style_block_and_nothing_else(page: str) -> None:
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    allowed = f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;"
    plain = page.replace(f"'sha256-{digest}'", f"&#39;sha256-{digest}&#39;").replace("'none'", "&#39;none&#39;")
    assert allowed in plain
    assert plain.index(allowed) < plain.index("<style>")


def test_nothing_acts_and_nothing_is_fetched(page: str, outline: Outline) -> None:
    assert not {"script", "iframe", "object", "embed", "img", "link", "form", "base"} & {tag for tag, _ in outline.tags}
    for _, name, value in outline.attributes:
        assert not name.startswith("on")
        assert name not in {"style", "src", "srcset", "action"}
        assert name != "href" or value.startswith("#")
    assert not re.search(r"https?:|//[a-z]|url\(|@import", page)


def test_every_link_leads_to_a_place_on_the_page(outline: Outline) -> None:
    places = {value for _, name, value in outline.attributes if name == "id"}
    assert {value[1:] for _, name, value in outline.attributes if name == "href"} <= places


def test_every_drawing_is_either_described_or_decoration(outline: Outline) -> None:
    drawings = outline.named("svg")
    assert drawings
    outer = [one for one in drawings if "overflow" not in one]  # the nested one only places a mark's shape
    for one in outer:
        described = one.get("role") == "img" and bool(one.get("aria-label"))
        assert described or one.get("aria-hidden") == "true" or one.get("class") == "axis"


def test_every_header_cell_says_what_it_is_the_header_of(outline: Outline) -> None:
    assert outline.named("th")
    assert all(one.get("scope") in {"row", "col"} for one in outline.named("th"))


def test_the_same_values_give_the_same_page(page: str) -> None:
    assert render_report(census_view()) == page


def with_names(name: str) -> ReportView:
    """Everything that data or people name, named like this."""
    view = census_view(waivers=(replace(WAIVER, reason=name),))
    assert view.provenance is not None
    trial = replace(
        view.trial,
        evidence=tuple(replace(one, slice=one.slice.replace("Black", name)) for one in view.trial.evidence),
        not_measured=tuple(replace(gap, slice=name, reason=name) for gap in view.trial.not_measured),
    )
    data = tuple(replace(table, identifier=name) for table in view.provenance.data)
    provenance = replace(view.provenance, parameters={name: name}, data=data)
    return replace(view, name=name, trial=trial, provenance=provenance)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% for x in y %}",
    "' onmouseover='alert(1)",
    "\N{RIGHT-TO-LEFT OVERRIDE}elameF\N{POP DIRECTIONAL FORMATTING}",
    "&lt;b&gt; &amp;amp; <!-- ",
    "]]><svg onload=alert(1)>",
    "長" * 5_000,
)


@pytest.mark.simulation
@given(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_hostile_name_is_text_and_changes_nothing_but_text(name: str) -> None:
    hostile = Outline(render_report(with_names(name)))
    harmless = Outline(render_report(with_names("harmless")))
    assert hostile.tags == harmless.tags
    assert name in hostile.text


def test_the_page_says_what_the_model_answers_and_from_which_probability() -> None:
    signature = Signature(
        inputs=(Column("age", "number"),), task="binary", classes=("no", "yes"), positive="yes", threshold=0.51
    )
    page = render_report(replace(census_view(), signature=signature))
    for said in ("positive class", "answered from a probability of", "0.51"):
        assert said in page


def test_a_long_file_name_breaks_behind_its_separators_and_a_number_nowhere() -> None:
    written = str(_breakable("data/census_2024.parquet, 0.5 <b>"))
    assert written == "data/<wbr>census_2024.<wbr>parquet, 0.5 &lt;b&gt;"
