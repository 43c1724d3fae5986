"""From values to one self-contained page: no script, no request, every text escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from seatrial.report.page import page_of
from seatrial.report.view import ReportView

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_SEPARATORS = re.compile(r"(?<=[/._])(?=[^\W\d_])")  # between a separator and a letter: a number stays whole
_PRECISION = 3  # digits of a percentage: a hundredth of a pixel on any screen


def render_report(view: ReportView) -> str:
    """The report as HTML. Pure: the same values give the same text.

    Whatever comes from data (groups, reasons, names) is untrusted: Jinja2 escapes it, and the page's content policy
    allows nothing but its own style, by digest.
    """
    from markupsafe import Markup

    style = files("seatrial.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _template().render(
        page=page_of(view),
        style=Markup(style),  # noqa: S704 - our own file, not data
        style_hash=f"sha256-{digest}",
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # heavy

    environment = Environment(loader=PackageLoader("seatrial.report"), autoescape=True, undefined=StrictUndefined)
    environment.filters["place"] = _place
    environment.filters["breakable"] = _breakable
    return environment.get_template("report.html.j2")


def _breakable(text: str) -> Markup:
    """The text, escaped, which may be broken behind the separators of a path before it is broken anywhere else."""
    from markupsafe import Markup, escape

    parts = _SEPARATORS.split(text)  # each but the last ends with its separator
    return Markup("<wbr>").join(escape(part) for part in parts)


def _place(percent: float) -> str:
    return f"{round(percent, _PRECISION):g}%"
