"""What every protocol needs: weights to judge, ranks, and a folder for what is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from mindspore import nn
from rich.console import Console

from mindtune import assemble
from mindtune.config import EvaluateConfig, HeadConfig
from mindtune.data.loader import EvalLoader
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World
from mindtune.errors import ConfigError
from mindtune.evaluation.classification import ClassificationResult, evaluate_classification
from mindtune.evaluation.judgement import judge
from mindtune.networks.classifier import Classifier
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import Pretrained, load_backbone
from mindtune.run import rank_checks, run_folder
from mindtune.trained_network import trained_network


@dataclass(frozen=True)
class Evaluation:
    """One call of ``eval.py``.

    Attributes:
        given: the weights to judge; None where a protocol needs none, or judges random ones.
        folder: where results go; made once network and weights are known to fit.
    """

    config: EvaluateConfig
    given: Pretrained | None
    folder: Path
    world: World
    console: Console

    @property
    def pretrained(self) -> Pretrained:
        """The weights to judge.

        Raises:
            ConfigError: none were given.
        """
        if self.given is None:
            raise ConfigError("pretrained: got nothing, expected --pretrained RUN_FOLDER or FILE")
        return self.given

    def network(self, num_classes: int) -> nn.Cell:
        """The network with its weights; then makes the folder, before the long part begins."""
        network = trained_network(self.config, self.pretrained, num_classes, self.say)
        self._begin(network, network.preprocessing)
        return network

    def network_without_head(self) -> Classifier:
        """The same where only the backbone counts: its head is one that nobody asks."""
        config = replace(self.config, head=HeadConfig())
        stored = None if self.given is None else self.given.preprocessing
        network = assemble.build_classifier(config, 2, stored)
        loaded = f"weights: random, of seed {self.config.seed}"
        if self.given is not None:
            loaded = load_backbone(network, self.given, self.config.position_resize).summary()
        self.begin(network, loaded, network.preprocessing)
        return network

    def begin(self, network: nn.Cell, loaded: str, preprocessing: Preprocessing) -> None:
        """Say what was loaded and how images are prepared; rank 0 makes the folder for all."""
        self.say(loaded)
        self._begin(network, preprocessing)

    def _begin(self, network: nn.Cell, preprocessing: Preprocessing) -> None:
        self.say(f"images: {preprocessing}")
        if self.world.is_main:
            run_folder.make_folder(self.folder)
        self.world.broadcast(weights_of(network))

    def run(self, network: nn.Cell, source: ImageSource) -> ClassificationResult:
        """Count the answers on all images of ``source``; the network says its ``preprocessing``."""
        loader, classes = self._loader(network, source), len(source.class_names)
        return evaluate_classification(network, loader, classes, sum_over_ranks=self.world.sum)

    def judge(
        self,
        name: str,
        network: nn.Cell,
        source: ImageSource,
        logit_indices: np.ndarray | None = None,
    ) -> ClassificationResult:
        """The same, and rank 0 writes the tables of classes, images and errors."""
        world = self.world
        loader = self._loader(network, source)
        judgement = judge(network, loader, source, world.sum, world.gather, logit_indices)
        if world.is_main:
            judgement.write(self.folder, name)
        return judgement.result

    def _loader(self, network: nn.Cell, source: ImageSource) -> EvalLoader:
        preprocessing, world = network.preprocessing, self.world
        rank_checks.check_same_data(world, {"evaluation": source}, preprocessing)
        return assemble.build_eval_loader(
            self.config, source, preprocessing, world.rank, world.size
        )

    def say(self, line: str) -> None:
        """Print a line on rank 0."""
        self.console.print(line, highlight=False)

    def root(self) -> Path:
        """Where the images of a protocol lie that is no data set of training."""
        if self.config.data.root is None:
            raise ConfigError(
                f"data.root: got nothing, expected the folder of {self.config.protocol}"
            )
        return Path(self.config.data.root)
