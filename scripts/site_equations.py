"""Equations of the documentation as MathML, which browsers draw without a script or a network.

A hook of mkdocs (mkdocs.yml): pymdownx.arithmatex marks ``$...$`` and ``$$...$$``, this turns what
it marked from LaTeX to MathML. GitHub draws the same notation by itself.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

_MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def on_page_content(html: str, **_: Any) -> str:
    """The page's HTML with every equation replaced."""
    return _MARKED.sub(_mathml, html)


def _mathml(marked: re.Match[str]) -> str:
    block = marked["tag"] == "div"
    drawn = convert(unescape(marked["latex"]).strip(), display="block" if block else "inline")
    return f'<div class="equation">{drawn}</div>' if block else drawn
