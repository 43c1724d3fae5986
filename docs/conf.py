"""Sphinx: Markdown in, one theme, no surprises."""

from __future__ import annotations

from seatrial import __version__

project = "Seatrial"
author = "The Seatrial developers"
copyright = "2026, The Seatrial developers"  # Sphinx's own name for it
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Seatrial"
html_static_path = ["_static"]
html_css_files = ["page.css"]
exclude_patterns = ["decisions/README.md"]
autodoc_typehints = "description"
