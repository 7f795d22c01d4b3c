"""Optimisers as Cells: ``construct(lr, gradients)`` updates the parameters in place."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import ConfigError

UNDECAYED_NAMES = ("pos_embed", "cls_token", "dist_token")
_UNDECAYED_LEAVES = ("bias", "relative_position_bias_table", "logit_scale")
_UNDECAYED_PART = ".cpb_mlp."  # the perceptron of Swin V2's position biases


def decay_of(parameter: Parameter, weight_decay: float) -> float:
    """Weight decay of one parameter: none for vectors, scalars, positions and prefix tokens.

    Tables of relative positions count as positions, as in timm; Feature Distillation decays those
    of its ViT.
    """
    leaf = parameter.name.rsplit(".", 1)[-1]
    named = parameter.name in UNDECAYED_NAMES or leaf in _UNDECAYED_LEAVES
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
    ) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.moment1 = self.parameters.clone("optimizer.exp_avg", init="zeros")
        self.moment2 = self.parameters.clone("optimizer.exp_avg_sq", init="zeros")
        self.count = Parameter(Tensor(0, mstype.int32), name="optimizer.step", requires_grad=False)
        self.decays = tuple(decay_of(p, weight_decay) for p in parameters)
        self.beta1, self.beta2 = betas
        self.eps = eps
        self.update = ops.AdamWeightDecay()

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        step = ops.assign_add(self.count, Tensor(1, mstype.int32)).astype(mstype.float32)
        correction1 = 1.0 - ops.pow(Tensor(self.beta1, mstype.float32), step)
        correction2 = ops.sqrt(1.0 - ops.pow(Tensor(self.beta2, mstype.float32), step))
        scaled_lr = lr * correction2 / correction1
        eps = self.eps * correction2
        decay_scale = correction1 / correction2
        for i in range(len(self.parameters)):
            self.update(
                self.parameters[i], self.moment1[i], self.moment2[i], scaled_lr, self.beta1,
                self.beta2, eps, decay_scale * self.decays[i], gradients[i],
            )  # fmt: skip
        return step

    def state(self) -> list[Parameter]:
        """What a checkpoint must hold to continue exactly."""
        return [*self.moment1, *self.moment2, self.count]


class SGD(nn.Cell):
    """SGD with momentum and L2 decay: ``b = momentum b + g + weight_decay p;  p = p - lr b``."""

    def __init__(
        self, parameters: Sequence[Parameter], weight_decay: float, momentum: float = 0.9
    ) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.buffers = self.parameters.clone("optimizer.momentum_buffer", init="zeros")
        self.decays = tuple(decay_of(p, weight_decay) for p in parameters)
        self.momentum = momentum
        self.update = ops.ApplyMomentum()

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        for i in range(len(self.parameters)):
            parameter = self.parameters[i]
            gradient = gradients[i]
            if self.decays[i] > 0:
                gradient = gradient + self.decays[i] * parameter
            self.update(parameter, self.buffers[i], lr, gradient, self.momentum)
        return lr

    def state(self) -> list[Parameter]:
        """What a checkpoint must hold to continue exactly."""
        return list(self.buffers)


def create_optimizer(
    name: str,
    parameters: Sequence[Parameter],
    weight_decay: float,
    betas: tuple[float, float],
    eps: float,
    momentum: float,
) -> AdamW | SGD:
    """The optimiser ``name`` over ``parameters``.

    Raises:
        ConfigError: unknown name, or nothing to train.
    """
    if not parameters:
        raise ConfigError("tuning.modes: nothing trains; choose a tuning or head with parameters")
    if name == "adamw":
        return AdamW(parameters, weight_decay, betas, eps)
    if name == "sgd":
        return SGD(parameters, weight_decay, momentum)
    raise ConfigError(f"optim.name: got {name!r}, expected adamw or sgd")
