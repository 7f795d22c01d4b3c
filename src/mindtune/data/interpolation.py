"""Names of resampling filters and what PIL calls them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mindtune.errors import ConfigError, nearest

Resampling = Image.Resampling

# "random" draws among two filters for every image, so that a network does not come to depend on
# the blur of one of them; a name always gives its own.
_FILTERS: dict[str, tuple[Resampling, ...]] = {
    "random": (Resampling.BILINEAR, Resampling.BICUBIC),
    "bicubic": (Resampling.BICUBIC,),
    "bilinear": (Resampling.BILINEAR,),
    "nearest": (Resampling.NEAREST,),
    "lanczos": (Resampling.LANCZOS,),
}


def filters_named(interpolation: str) -> tuple[Resampling, ...]:
    """PIL's filters behind ``interpolation``: two for ``"random"``, one for any other name.

    Raises:
        ConfigError: no such name.
    """
    if interpolation not in _FILTERS:
        raise ConfigError(
            f"augment.interpolation: got {interpolation!r}, expected a filter's name"
            f"{nearest(interpolation, _FILTERS)}"
        )
    return _FILTERS[interpolation]


def draw_filter(interpolation: str, rng: np.random.Generator) -> Resampling:
    """One of the filters behind ``interpolation``, each as likely."""
    filters = filters_named(interpolation)
    return filters[int(rng.integers(len(filters)))]
