"""Keys of eval.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional

from mindtune.config.few_shot_clip import FewShotClipConfig
from mindtune.config.protocols import (
    DiagnoseConfig,
    FewShotConfig,
    PicturesConfig,
    ThroughputConfig,
)
from mindtune.config.run import RunConfig


@dataclass
class EvaluateConfig(RunConfig):
    """Evaluate trained weights.

    Attributes:
        protocol: classification on a split of the data set; the same by a CLIP's texts (zero_shot)
            or by the neighbours of its images in the train split (knn); few_shot, episodes of a few
            classes of a split; few_shot_clip, a CLIP and what a few images a class add to it; or by
            a network of ImageNet's 1000 classes on ImageNet-A, -R, -V2, -Sketch or -C, whose folder
            is data.root; where its heads look and how its loss lies (diagnose); its features in two
            dimensions and its attention, for the report (pictures); or, without data or weights,
            its speed (throughput).
        split: of all protocols but few_shot_clip, ImageNet's and throughput; default: test where
            there is one, else val.
        before: of protocol knn, the weights that tuning started from; default: what the run says.
    """

    protocol: Literal[
        "classification", "zero_shot", "knn", "few_shot", "few_shot_clip", "imagenet_a",
        "imagenet_r", "imagenet_v2", "imagenet_sketch", "imagenet_c", "diagnose", "pictures",
        "throughput",
    ] = "classification"  # fmt: skip
    split: Optional[Literal["train", "val", "test"]] = None
    before: Optional[str] = None
    throughput: ThroughputConfig = field(default_factory=ThroughputConfig)
    diagnose: DiagnoseConfig = field(default_factory=DiagnoseConfig)
    pictures: PicturesConfig = field(default_factory=PicturesConfig)
    few_shot: FewShotConfig = field(default_factory=FewShotConfig)
    few_shot_clip: FewShotClipConfig = field(default_factory=FewShotClipConfig)
