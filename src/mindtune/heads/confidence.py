"""How far a zero-shot prediction is to be trusted: AMU-Tuning's uncertainty factors."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import Tensor, nn, ops

from mindtune.errors import ConfigError, nearest
from mindtune.layers.standardise import centred_and_deviation

_TOP = 5
_RELEASED_SCALE = 250.0  # "moment" divides by it: a quarter of ImageNet's 1000 classes


def _kurtosis(rows: Tensor) -> Tensor:
    """E[((x - mean) / deviation)^4] of each row, (B, C) -> (B, 1)."""
    centred, deviation = centred_and_deviation(rows)
    ratio = centred / deviation
    return ops.mean(ratio * ratio * ratio * ratio, -1, True)


class NoConfidence(nn.Cell):
    """The factor 1, (B, 1): the authors' commands use it."""

    def construct(self, logits: Tensor) -> Tensor:
        return ops.ones_like(logits[:, :1])


class Kurtosis(nn.Cell):
    """``kurtosis(logits)^-power``: 1 / kappa of the paper."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def construct(self, logits: Tensor) -> Tensor:
        return ops.pow(_kurtosis(logits), -self.power)


class ProbabilityMoment(nn.Cell):
    """``(kurtosis(probabilities) / 250)^-power``: what the authors' code calls ``moment``."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def construct(self, logits: Tensor) -> Tensor:
        kurtosis = _kurtosis(ops.softmax(logits, -1))
        return ops.pow(kurtosis / _RELEASED_SCALE, -self.power)


class Entropy(nn.Cell):
    """``exp(power * H)`` with H the entropy in units of that of a uniform guess.

    Computed from the log-softmax, so that a probability which underflows counts nothing; the
    authors' code gives NaN there.
    """

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def construct(self, logits: Tensor) -> Tensor:
        log_p = ops.log_softmax(logits, -1)
        uniform = ops.log(ops.ones_like(logits[:, :1]) * logits.shape[-1])
        entropy = -ops.sum(ops.exp(log_p) * log_p, -1, True) / uniform
        return ops.exp(self.power * entropy)


class Energy(nn.Cell):
    """``E^-power``, ``E = 2 (ln sum exp((p - m) / 2) + m)``, m = max p, as in the authors' code.

    It is no free energy: p are probabilities where logits belong, and m / 2 is meant.
    """

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def construct(self, logits: Tensor) -> Tensor:
        p = ops.softmax(logits, -1)
        largest = ops.amax(p, -1, True)
        spread = ops.log(ops.sum(ops.exp((p - largest) / 2.0), -1, True))
        return ops.pow(2.0 * (spread + largest), -self.power)


class Largest(nn.Cell):
    """``(max p)^-power``."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def construct(self, logits: Tensor) -> Tensor:
        return ops.pow(ops.amax(ops.softmax(logits, -1), -1, True), -self.power)


class Range(nn.Cell):
    """``(max p - min p)^-power``."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def construct(self, logits: Tensor) -> Tensor:
        p = ops.softmax(logits, -1)
        return ops.pow(ops.amax(p, -1, True) - ops.amin(p, -1, True), -self.power)


class TopFive(nn.Cell):
    """``(p_1 - p_5)^-power``, probabilities in falling order; needs five classes."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def construct(self, logits: Tensor) -> Tensor:
        top, _ = ops.topk(ops.softmax(logits, -1), _TOP)
        return ops.pow(top[:, :1] - top[:, _TOP - 1 :], -self.power)


class Deviation(nn.Cell):
    """Standard deviation of the probabilities; the authors' ``var``, which has no power."""

    def construct(self, logits: Tensor) -> Tensor:
        _, deviation = centred_and_deviation(ops.softmax(logits, -1))
        return deviation


_WITH_POWER: dict[str, Callable[[float], nn.Cell]] = {
    "kurtosis": Kurtosis,
    "moment": ProbabilityMoment,
    "entropy": Entropy,
    "energy": Energy,
    "max": Largest,
    "max-min": Range,
    "top5": TopFive,
}
WITHOUT_POWER: dict[str, Callable[[], nn.Cell]] = {"none": NoConfidence, "var": Deviation}
CONFIDENCES = (*WITHOUT_POWER, *_WITH_POWER)


def confidence_factor(name: str, power: float, num_classes: int) -> nn.Cell:
    """Zero-shot logits (B, C) -> the factor (B, 1) of the auxiliary logits.

    Deviations are unbiased, as in the authors' code. AMU-Tuning (CVPR 2024).

    Args:
        name: ``kurtosis`` is the paper's; the others are those of the authors' code.
        power: rho.
        num_classes: C.

    Raises:
        ConfigError: unknown name, or ``top5`` of fewer than five classes.
    """
    if name not in CONFIDENCES:
        raise ConfigError(
            f"amu.confidence: got {name!r}, expected a known factor{nearest(name, CONFIDENCES)}"
        )
    if name == "top5" and num_classes < _TOP:
        raise ConfigError(
            f"amu.confidence: got top5 with {num_classes} classes, expected at least {_TOP}; "
            "use max-min"
        )
    return WITHOUT_POWER[name]() if name in WITHOUT_POWER else _WITH_POWER[name](power)
