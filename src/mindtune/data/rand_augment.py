"""RandAugment (Cubuk et al., arXiv:1909.13719) as timm's configuration strings define it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mindtune.data.interpolation import draw_filter, filters_named
from mindtune.data.rand_augment_ops import (
    FULL_MAGNITUDE,
    INCREASING,
    ORIGINAL,
    Canvas,
    Operation,
)
from mindtune.errors import ConfigError, nearest

_EXAMPLE = "rand-m9-mstd0.5-inc1"
_UNIFORM_ABOVE = 100.0


@dataclass(frozen=True)
class _Section:
    """One kind of ``-<key><number>`` in a configuration string."""

    meaning: str
    lowest: float
    highest: float
    whole: bool = False


_SECTIONS = {
    "m": _Section("magnitude", 0, float("inf")),
    "n": _Section("operations an image", 1, 100, whole=True),
    "p": _Section("probability of each operation", 0, 1),
    "mstd": _Section("standard deviation of the magnitude", 0, float("inf")),
    "mmax": _Section("largest magnitude", 0, float("inf")),
    "inc": _Section("increasing variants", 0, 1, whole=True),
}


@dataclass(frozen=True)
class RandAugment:
    """Draw ``num_ops`` operations with replacement and apply each with probability ``prob``.

    Each operation draws its own magnitude from N(magnitude, magnitude_std), clipped to
    [0, max_magnitude]; a ``magnitude_std`` above 100 means uniform in [0, magnitude].

    Attributes:
        fill: colour of what a geometric operation uncovers.
        interpolation: filter of the geometric operations: nearest, bilinear, bicubic, or
            ``"random"``: bilinear or bicubic, drawn for each operation.
        operations: the table that is drawn from.
        magnitude: mean of the magnitude.
        magnitude_std: its standard deviation.
        max_magnitude: its upper limit.
        num_ops: operations drawn for an image.
        prob: probability that a drawn operation is applied.
    """

    fill: tuple[int, int, int]
    interpolation: str = "random"
    operations: tuple[Operation, ...] = ORIGINAL
    magnitude: float = FULL_MAGNITUDE
    magnitude_std: float = 0.0
    max_magnitude: float = FULL_MAGNITUDE
    num_ops: int = 2
    prob: float = 0.5

    def __post_init__(self) -> None:
        filters_named(self.interpolation)
        if self.interpolation == "lanczos":
            raise ConfigError(
                "augment.interpolation: got 'lanczos', which PIL has for resizing only, expected "
                "random, bicubic, bilinear or nearest with rand_augment; choose one of these"
            )

    @classmethod
    def from_config(
        cls, config: str, *, fill: tuple[int, int, int], interpolation: str = "random"
    ) -> RandAugment:
        """The policy that timm's string ``config`` describes, such as ``rand-m9-mstd0.5-inc1``.

        Raises:
            ConfigError: another policy than ``rand``, an unknown or unsupported section, or a
                value out of range.
        """
        values = parse_config(config)
        return cls(
            fill=fill,
            interpolation=interpolation,
            operations=INCREASING if values.get("inc", 0) else ORIGINAL,
            magnitude=values.get("m", FULL_MAGNITUDE),
            magnitude_std=values.get("mstd", 0.0),
            max_magnitude=values.get("mmax", FULL_MAGNITUDE),
            num_ops=int(values.get("n", 2)),
            prob=values.get("p", 0.5),
        )

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        for choice in rng.integers(len(self.operations), size=self.num_ops):
            if rng.random() < self.prob:
                image = self._apply(self.operations[choice], image, rng)
        return image

    def _apply(
        self, operation: Operation, image: Image.Image, rng: np.random.Generator
    ) -> Image.Image:
        direction = 1 if rng.random() < 0.5 else -1
        level = operation.level(self._draw_magnitude(rng), direction)
        canvas = Canvas(self.fill, draw_filter(self.interpolation, rng))
        return operation.apply(image, level, canvas)

    def _draw_magnitude(self, rng: np.random.Generator) -> float:
        if self.magnitude_std > _UNIFORM_ABOVE:
            drawn = rng.uniform(0.0, self.magnitude)
        else:
            drawn = rng.normal(self.magnitude, self.magnitude_std)
        return min(max(drawn, 0.0), self.max_magnitude)


def parse_config(config: str) -> dict[str, float]:
    """The numbers of a string such as ``rand-m9-mstd0.5-inc1``, by section key.

    Raises:
        ConfigError: see ``RandAugment.from_config``.
    """
    policy, *sections = config.split("-")
    if policy != "rand":
        raise ConfigError(
            f"augment.rand_augment: got {config!r}, expected a string such as {_EXAMPLE!r}; "
            "the only policy is 'rand'"
        )
    values: dict[str, float] = {}
    for section in sections:
        key, value = _parse_section(section, config)
        if key in values:
            raise ConfigError(
                f"augment.rand_augment: section {key!r} twice in {config!r}; keep one"
            )
        values[key] = value
    return values


def _parse_section(section: str, config: str) -> tuple[str, float]:
    match = re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)", section)
    key = match[1] if match else section
    if key == "w":
        raise ConfigError(
            f"augment.rand_augment: section {section!r} of {config!r} (weighted choice of "
            "operations) is not supported; remove it"
        )
    if match is None or key not in _SECTIONS:
        raise ConfigError(
            f"augment.rand_augment: unknown section {section!r} in {config!r}, expected parts such "
            f"as those of {_EXAMPLE!r}{nearest(key, _SECTIONS)}"
        )
    rule, value = _SECTIONS[key], float(match[2])
    if not rule.lowest <= value <= rule.highest or (rule.whole and not value.is_integer()):
        kind = "a whole number" if rule.whole else "a number"
        raise ConfigError(
            f"augment.rand_augment: section {section!r} of {config!r}: {rule.meaning} must be "
            f"{kind} from {rule.lowest:g} to {rule.highest:g}"
        )
    return key, value
