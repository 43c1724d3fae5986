"""The README's picture of who lets what through: a table of shades as one SVG, for light and dark pages."""

from __future__ import annotations

from html import escape
from typing import Any

from gates_page import KINDS, described, names, wrong

# Sizes are of a page 720 wide; on a phone of 360 the letters are half as large, and still legible.
WIDTH, LABELS, TOP, ROW, RIGHT = 720, 262, 162, 40, 56  # RIGHT: room for the last name, which leans out
LETTERS = 19
DEEPEST = 0.62  # opacity of a cell where everything was decided wrongly: letters stand out on it in both schemes
STYLE = """
.page{fill:#ffffff}.words{fill:#1f2328}.faint{fill:#59636e}.line{stroke:#d1d9e0}.bad{fill:#d1242f}.good{fill:#bf8700}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}.words{fill:#f0f6fc}.faint{fill:#9198a1}.line{stroke:#3d444d}
.bad{fill:#f85149}.good{fill:#d29922}}
""".strip()


def picture(document: dict[str, Any]) -> str:
    """One column a gate, one row a kind of planted model; a cell says how many of the kind were decided wrongly."""
    gates = names(document)
    step = (WIDTH - LABELS - RIGHT) / len(gates)
    kinds = [
        (words, [case for case, about in document["cases"].items() if about["bad"] and about["kind"] == kind])
        for kind, words in KINDS.items()
    ]
    good = [case for case, about in document["cases"].items() if not about["bad"]]
    height = TOP + ROW * (len(kinds) + 3) + 34
    letters = f'font-family="system-ui,sans-serif" font-size="{LETTERS}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {letters}>',
        f"<title>{escape(described(document))}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
    ]
    for place, name in enumerate(gates):
        x, y = LABELS + step * (place + 0.5), TOP - 12
        weight = ' font-weight="700"' if place == 0 else ""
        parts.append(
            f'<text class="words" transform="translate({x:.1f} {y}) rotate(-58)"{weight}>{escape(name)}</text>'
        )
    y = TOP
    parts.append(_label("Bad models let through", y, bold=True))
    y += ROW
    for words, cases in kinds:
        parts.append(_label(f"{words} ({len(cases)})", y))
        parts += _cells(document, gates, cases, y, step, "bad")
        y += ROW
    parts.append(f'<line class="line" x1="14" x2="{WIDTH - 14}" y1="{y + 6}" y2="{y + 6}"/>')
    y += 12
    parts.append(_label(f"Good models refused ({len(good)})", y, bold=True))
    parts += _cells(document, gates, good, y, step, "good")
    foot = "Planted models of our own, which favours us; mean number over the draws."
    parts.append(f'<text class="faint" x="14" y="{y + ROW + 30}" font-size="{LETTERS - 3}">{foot}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _label(words: str, y: float, *, bold: bool = False) -> str:
    weight = f' font-size="{LETTERS - 3}"' + (' font-weight="700"' if bold else "")
    return f'<text class="words" x="14" y="{y + ROW * 0.66:.0f}"{weight}>{escape(words)}</text>'


def _cells(
    document: dict[str, Any], gates: list[str], cases: list[str], y: float, step: float, style: str
) -> list[str]:
    parts = []
    for place, name in enumerate(gates):
        count = sum(wrong(document, name, case) for case in cases)
        x = LABELS + step * place
        depth = DEEPEST * count / len(cases)
        parts.append(
            f'<rect class="{style}" x="{x + 2:.1f}" y="{y + 3}" width="{step - 4:.1f}" height="{ROW - 6}" rx="4" '
            f'fill-opacity="{max(depth, 0.04):.2f}"/>'
        )
        number = f"{count:.1f}".removesuffix(".0")
        parts.append(
            f'<text class="words" x="{x + step / 2:.1f}" y="{y + ROW * 0.66:.0f}" text-anchor="middle">{number}</text>'
        )
    return parts
