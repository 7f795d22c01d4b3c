"""CLIP and the networks beside it as one network: images in, fused logits out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import Tensor, nn, ops

from mindtune.heads.logit_fusion import LogitFusion
from mindtune.layers.renormalise import Renormalise
from mindtune.parameters import learnable_weights_of
from mindtune.preprocessing import Preprocessing


class FrozenTowers(nn.Cell):
    """Images (B, 3, S, S) -> features (B, D_i) of each network, which passes no gradient on.

    Images come as the first network wants them; the others normalise them again. All stay in
    evaluation mode whatever ``set_train`` asks of this Cell or of one that holds it.

    Args:
        networks: images -> features, with their weights.
        preprocessing: of each, the same but for mean and std.
    """

    def __init__(self, networks: Sequence[nn.Cell], preprocessing: Sequence[Preprocessing]) -> None:
        super().__init__(auto_prefix=False)
        for number, network in enumerate(networks):
            for parameter in learnable_weights_of(network):
                parameter.requires_grad = False
            for name, parameter in network.parameters_and_names():
                parameter.name = f"towers.{number}.{name}"  # two may be of the same kind
        given = preprocessing[0]
        self.networks = nn.CellList(list(networks), auto_prefix=False)
        self.prepare = nn.CellList(
            [
                nn.Identity()
                if (own.mean, own.std) == (given.mean, given.std)
                else Renormalise((given.mean, given.std), (own.mean, own.std))
                for own in preprocessing
            ]
        )
        self.set_train(False)

    def add_flags_recursive(self, **flags: Any) -> nn.Cell:
        """What ``set_train`` of this Cell and of those around it calls; training is refused."""
        if "training" in flags:
            flags["training"] = False
        return super().add_flags_recursive(**flags)

    def construct(self, images: Tensor) -> tuple[Tensor, ...]:
        features: tuple[Tensor, ...] = ()
        for i in range(len(self.networks)):
            features += (ops.stop_gradient(self.networks[i](self.prepare[i](images))),)
        return features


class FusedClassifier(nn.Cell):
    """Images (B, 3, S, S), normalised as CLIP's -> fused logits (B, C) of AMU-Tuning.

    Args:
        towers: CLIP's image tower first.
        fusion: texts and auxiliary classifiers on their features.
        preprocessing: how to prepare images.
    """

    def __init__(
        self, towers: FrozenTowers, fusion: LogitFusion, preprocessing: Preprocessing
    ) -> None:
        super().__init__(auto_prefix=False)
        self.preprocessing = preprocessing
        self.towers = towers
        self.fusion = fusion

    def construct(self, images: Tensor) -> Tensor:
        logits, _ = self.fusion(*self.towers(images))
        return logits
