"""Optimisers as Cells: ``construct(lr, gradients)`` updates the parameters in place.

``lr`` holds one rate (), or one for each group (G,): parameter i learns at ``lr[groups[i]]``.
``decay_share`` multiplies all weight decays; a schedule may set it before every update.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.engine.scheduled import scheduled_scalar
from mindtune.errors import ConfigError

UNDECAYED_NAMES = ("pos_embed", "cls_token", "dist_token")
_UNDECAYED_LEAVES = ("bias", "logit_scale")
_BIAS_TABLE = "relative_position_bias_table"
_UNDECAYED_PART = ".cpb_mlp."  # the perceptron of Swin V2's position biases
_TRUST = 1e-3


def decay_of(parameter: Parameter, weight_decay: float, bias_tables: bool = False) -> float:
    """Weight decay of one parameter: none for vectors, scalars, positions and prefix tokens.

    Tables of relative positions count as positions, as in timm, unless ``bias_tables``: Feature
    Distillation decays those of its ViT. Inside a pair of networks (``student.backbone.pos_embed``)
    positions and prefix tokens are decayed, as DINO, iBOT and SMKD do: all but vectors and biases.
    """
    leaf = parameter.name.rsplit(".", 1)[-1]
    named = parameter.name in UNDECAYED_NAMES or leaf in _UNDECAYED_LEAVES
    named = named or (leaf == _BIAS_TABLE and not bias_tables)
    if parameter.ndim <= 1 or named or _UNDECAYED_PART in parameter.name:
        return 0.0
    return weight_decay


class AdamW(nn.Cell):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch defines it.

    ``m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2``
    ``p = p - lr * weight_decay * p - lr * (m / c1) / (sqrt(v / c2) + eps)``, with bias corrections
    ``ci = 1 - bi^t``. One fused kernel a parameter: MindSpore's ``AdamWeightDecay`` has no bias
    correction, but with lr, eps and decay rescaled by c1 and c2 it computes exactly this.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        groups: Sequence[int] | None = None,
        decay_bias_tables: bool = False,
        name: str = "optimizer",
    ) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.moment1 = self.parameters.clone(f"{name}.exp_avg", init="zeros")
        self.moment2 = self.parameters.clone(f"{name}.exp_avg_sq", init="zeros")
        self.count = Parameter(Tensor(0, mstype.int32), name=f"{name}.step", requires_grad=False)
        self.decay_share = scheduled_scalar(f"{name}.decay_share")
        self.decays = tuple(decay_of(p, weight_decay, decay_bias_tables) for p in parameters)
        self.groups = tuple(groups or [0] * len(parameters))
        self.beta1, self.beta2 = betas
        self.eps = eps
        self.update = ops.AdamWeightDecay()

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        step = ops.assign_add(self.count, Tensor(1, mstype.int32)).astype(mstype.float32)
        correction1 = 1.0 - ops.pow(Tensor(self.beta1, mstype.float32), step)
        correction2 = ops.sqrt(1.0 - ops.pow(Tensor(self.beta2, mstype.float32), step))
        rates = rates_of(lr * correction2 / correction1)
        eps = self.eps * correction2
        decay_scale = self.decay_share * correction1 / correction2
        for i in range(len(self.parameters)):
            self.update(
                self.parameters[i], self.moment1[i], self.moment2[i], rates[self.groups[i]],
                self.beta1, self.beta2, eps, decay_scale * self.decays[i], gradients[i],
            )  # fmt: skip
        return step

    def state(self) -> list[Parameter]:
        """What a checkpoint must hold to continue exactly."""
        return [*self.moment1, *self.moment2, self.count]


class SGD(nn.Cell):
    """SGD with momentum and L2 decay: ``b = momentum b + g + weight_decay p;  p = p - lr b``."""

    def __init__(
        self,
        parameters: Sequence[Parameter],
        weight_decay: float,
        momentum: float = 0.9,
        groups: Sequence[int] | None = None,
        decay_bias_tables: bool = False,
        name: str = "optimizer",
    ) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.buffers = self.parameters.clone(f"{name}.momentum_buffer", init="zeros")
        self.decay_share = scheduled_scalar(f"{name}.decay_share")
        self.decays = tuple(decay_of(p, weight_decay, decay_bias_tables) for p in parameters)
        self.groups = tuple(groups or [0] * len(parameters))
        self.momentum = momentum
        self.update = ops.ApplyMomentum()

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        rates = rates_of(lr)
        for i in range(len(self.parameters)):
            parameter = self.parameters[i]
            gradient = gradients[i]
            if self.decays[i] > 0:
                gradient = gradient + self.decay_share * self.decays[i] * parameter
            gradient = self.scaled(gradient, parameter)
            self.update(parameter, self.buffers[i], rates[self.groups[i]], gradient, self.momentum)
        return lr

    def scaled(self, gradient: Tensor, parameter: Parameter) -> Tensor:
        """The gradient that enters the momentum."""
        return gradient

    def state(self) -> list[Parameter]:
        """What a checkpoint must hold to continue exactly."""
        return list(self.buffers)


class LARS(SGD):
    """SGD whose decayed gradient g of a matrix p is scaled by ``0.001 |p| / |g|``.

    You et al., "Large batch training of convolutional networks", 2017, in the form of MAE and
    Feature Distillation for linear probes: vectors are not scaled, nor where either norm is 0.
    """

    def scaled(self, gradient: Tensor, parameter: Parameter) -> Tensor:
        if parameter.ndim <= 1:
            return gradient
        length, step = ops.norm(parameter), ops.norm(gradient)
        known = ops.logical_and(length > 0, step > 0)
        ratio = _TRUST * length / ops.select(known, step, ops.ones_like(step))
        return gradient * ops.select(known, ratio, ops.ones_like(step))


def rates_of(lr: Tensor) -> tuple[Tensor, ...]:
    """The rates of all groups, each of shape ()."""
    lr = lr.reshape(-1)  # (G,)
    rates: tuple[Tensor, ...] = ()
    for group in range(lr.shape[0]):
        rates += (lr[group],)
    return rates


_WITH_MOMENTUM: dict[str, type[SGD]] = {"sgd": SGD, "lars": LARS}


def create_optimizer(
    name: str,
    parameters: Sequence[Parameter],
    weight_decay: float,
    betas: tuple[float, float],
    eps: float,
    momentum: float,
    groups: Sequence[int] | None = None,
    decay_bias_tables: bool = False,
    prefix: str = "optimizer",
) -> AdamW | SGD:
    """The optimiser ``name`` over ``parameters``; ``groups`` holds the rate of each by number.

    Names of its state begin with ``prefix``.

    Raises:
        ConfigError: unknown name, or nothing to train.
    """
    if not parameters:
        raise ConfigError("tuning.modes: nothing trains; choose a tuning or head with parameters")
    if name == "adamw":
        return AdamW(parameters, weight_decay, betas, eps, groups, decay_bias_tables, prefix)
    if name in _WITH_MOMENTUM:
        kind = _WITH_MOMENTUM[name]
        return kind(parameters, weight_decay, momentum, groups, decay_bias_tables, prefix)
    raise ConfigError(f"optim.name: got {name!r}, expected adamw, sgd or lars")
