"""AMU-Tuning on a CPU: training from kept features against the authors' on-line form.

16 images a class of 100 classes, 50 epochs in batches of 8: 10,000 updates of a branch of
100 x 2048 weights beside a CLIP of 1024 channels. The networks are CLIP's ResNet-50 and ResNet-50,
with random weights, at 224 pixels.

* cached: the whole training from features in memory, from the first compilation to the last update.
* online: what the authors' code does in every update, both frozen networks on the augmented batch
  and then the update. Some updates are measured, their median times 10,000 is an *extrapolation*.
  Reading and augmenting images is left out, and so is compilation: both would add to it.
* extraction: what the cached form needs once before: a pass of both networks over the few-shot
  images for every view that is kept. Also extrapolated, from some batches. It is part of the first
  training only; further ones (other seeds of the order, alpha, lambda, learning rate) take features
  from disk.

Both run in one process with the same number of threads (OMP_NUM_THREADS, one a core by default).
Last line: JSON; `cached_vs_online` is online / cached without the extraction, `_with_1_view` and
`_with_10_views` with one of so many views. Usage: python benchmarks/amu.py [--updates 5] [--tiny]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn

from mindtune.backbones import create_backbone, create_clip
from mindtune.config import HeadTrainingConfig
from mindtune.data.feature_loader import FeatureLoader
from mindtune.engine.device import use_device
from mindtune.engine.optim import create_optimizer
from mindtune.engine.step import TrainStep
from mindtune.evaluation.features import PooledFeatures
from mindtune.frozen.head_training import train_on_features
from mindtune.frozen.towers import ImageFeatures
from mindtune.heads.logit_fusion import LogitFusion
from mindtune.objectives.amu import AmuObjective
from mindtune.parameters import weights_of

SHOTS, BATCH = 16, 8
Features = Callable[[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Sizes:
    """What is trained and by which networks.

    Attributes:
        clip: name of the CLIP.
        auxiliary: backbone beside it.
        image: side of the images, pixels.
        extraction_batch: images a pass where features are kept.
    """

    clip: str = "resnet50_clip"
    auxiliary: str = "resnet50"
    image: int = 224
    classes: int = 100
    epochs: int = 50
    extraction_batch: int = 8  # a ResNet-50 takes half a gigabyte an image

    @property
    def images(self) -> int:
        return SHOTS * self.classes

    @property
    def updates(self) -> int:
        return self.images // BATCH * self.epochs


TINY = Sizes("resnet_clip_test", "resnet_test", 64, 4, 2, 8)


def networks(sizes: Sizes) -> tuple[list[nn.Cell], list[int]]:
    """Both frozen networks, images to features, and the widths of these."""
    clip = create_clip(sizes.clip, sizes.image)
    auxiliary = create_backbone(sizes.auxiliary, sizes.image)
    cells: list[nn.Cell] = [ImageFeatures(clip.visual), PooledFeatures(auxiliary)]
    for cell in cells:
        cell.set_train(False)
    return cells, [clip.text_arch.embed_dim, auxiliary.num_features]


def objective(widths: list[int], sizes: Sizes, rng: np.random.Generator) -> AmuObjective:
    """AMU's loss with the settings of the authors' README."""
    texts = rng.standard_normal((widths[0], sizes.classes), dtype=np.float32)
    texts /= np.linalg.norm(texts, axis=0)
    return AmuObjective(LogitFusion(texts, widths[1:], 0.5, "none", 0.4), 0.35)


def cached_seconds(widths: list[int], sizes: Sizes, rng: np.random.Generator) -> float:
    """The whole training."""
    labels = np.repeat(np.arange(sizes.classes), SHOTS)
    views = [[rng.standard_normal((len(labels), w), dtype=np.float32)] * 10 for w in widths]
    started = time.perf_counter()
    loader = FeatureLoader(labels, views, BATCH, 0)
    options = HeadTrainingConfig(epochs=sizes.epochs, batch_size=BATCH)
    loss = objective(widths, sizes, rng)
    train_on_features(loss, loader, options)
    loss.network.branches[0].fc.weight.asnumpy()  # wait for the last update
    return time.perf_counter() - started


def median_seconds(run: Callable[[], object], times: int) -> float:
    """Of ``times`` calls after a first that compiles."""
    run()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def online_update(
    cells: list[nn.Cell], widths: list[int], sizes: Sizes, rng: np.random.Generator
) -> Callable[[], object]:
    """One update from images."""
    loss = objective(widths, sizes, rng)
    trained = [p for p in weights_of(loss.network) if p.requires_grad]
    optimizer = create_optimizer("adamw", trained, 0.01, (0.9, 0.999), 1e-4, momentum=0.0)
    step = TrainStep(loss, trained, optimizer)
    images = Tensor(rng.standard_normal((BATCH, 3, sizes.image, sizes.image), dtype=np.float32))
    labels = Tensor(rng.integers(0, sizes.classes, BATCH).astype(np.int32))
    return lambda: step(1e-3, 0, [(labels, *(cell(images) for cell in cells))]).loss()


def extraction_pass(
    cells: list[nn.Cell], sizes: Sizes, rng: np.random.Generator
) -> Callable[[], object]:
    """One batch of a view through both networks."""
    shape = (sizes.extraction_batch, 3, sizes.image, sizes.image)
    images = Tensor(rng.standard_normal(shape, dtype=np.float32))
    return lambda: [cell(images).asnumpy() for cell in cells]


def report(sizes: Sizes, cached: float, update: float, batch: float) -> dict[str, float]:
    """Print all, and return what the last line holds."""
    online = update * sizes.updates
    view = batch * sizes.images / sizes.extraction_batch
    print(f"cached: {cached:.1f} s for {sizes.updates:,} updates")
    print(
        f"online: {update:.3f} s an update, {online:,.0f} s for all of them (extrapolated; images "
        "neither read nor augmented)"
    )
    print(f"extraction: {view:,.0f} s a view of {sizes.images:,} images (extrapolated)")
    return {
        "cached_vs_online": online / cached,
        "cached_vs_online_with_1_view": online / (cached + view),
        "cached_vs_online_with_10_views": online / (cached + 10 * view),
        "cached_seconds": cached,
        "online_seconds_extrapolated": online,
        "extraction_seconds_a_view_extrapolated": view,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--updates", type=int, default=5, help="on-line updates to measure")
    parser.add_argument("--tiny", action="store_true", help="only try it out")
    chosen = parser.parse_args()
    if chosen.updates < 1:
        parser.error("--updates: expected at least 1")
    use_device("CPU", 0)
    sizes = TINY if chosen.tiny else Sizes()
    rng = np.random.default_rng(0)
    threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads; {sizes.clip} and "
        f"{sizes.auxiliary} at {sizes.image} pixels; {sizes.classes} classes, {SHOTS} shots, "
        f"{sizes.epochs} epochs, batch {BATCH}; {chosen.updates} measured on-line updates"
    )
    cells, widths = networks(sizes)
    update = median_seconds(online_update(cells, widths, sizes, rng), chosen.updates)
    batch = median_seconds(extraction_pass(cells, sizes, rng), max(1, chosen.updates // 3))
    cached = cached_seconds(widths, sizes, rng)
    found = report(sizes, cached, update, batch)
    print()
    print(json.dumps({key: round(value, 2) for key, value in found.items()}))


if __name__ == "__main__":
    main()
