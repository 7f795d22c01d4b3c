"""A part of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """What a template draws under a heading.

    Attributes:
        template: its name in ``templates/``, without the suffix; also the anchor of the section.
        content: what the template calls ``content``.
        anchor: where a page has several of one template.
    """

    title: str
    template: str
    content: Any
    anchor: str = ""

    @property
    def id(self) -> str:
        """The anchor in the page."""
        return self.anchor or self.template
