"""Images a second of SMKD's twelve views against the same chain in plain Pillow.

Both decode the same JPEG files of 480 x 480 pixels (crops of scikit-learn's two photographs) and
make 2 crops of 224 and 10 of 96 pixels, normalised, in turn. Ours: whole batches of the training
loader, as many threads as cores. Theirs: as many processes, each image by Pillow's own operations
as torchvision calls them; their results are dropped where they were made, so that nothing is
charged for bringing them to the training process. Medians; last line: JSON of ours / theirs.
Usage: python benchmarks/views.py [ROUNDS [CORES]]
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from sklearn.datasets import load_sample_images

from mindtune.data.masks import MaskSampler
from mindtune.data.source import ImageFiles
from mindtune.data.view_loader import ViewLoader
from mindtune.data.views import Views
from mindtune.preprocessing import Preprocessing

SIDE, IMAGES, BATCH = 480, 32, 16
PREPARED = Preprocessing(224)
MEAN = np.array(PREPARED.mean, np.float32)
STD = np.array(PREPARED.std, np.float32)


def write_images(folder: Path) -> ImageFiles:
    rng = np.random.default_rng(0)
    photographs = load_sample_images().images
    paths = []
    for number in range(IMAGES):
        photograph = photographs[number % len(photographs)]
        top = rng.integers(photograph.shape[0] - 400)
        left = rng.integers(photograph.shape[1] - 400)
        crop = Image.fromarray(photograph[top : top + 400, left : left + 400])
        paths.append(folder / f"{number}.jpg")
        crop.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(paths[-1], quality=92)
    return ImageFiles(paths, np.zeros(IMAGES, np.int32), ("all",))


def ours(source: ImageFiles, cores: int, epoch: int) -> None:
    loader = ViewLoader(
        source, Views(224), MaskSampler((14, 14)), PREPARED, BATCH, seed=1, workers=cores
    )
    for _ in loader.epoch(epoch):
        pass


def random_crop(image: Image.Image, size: int, scale: tuple[float, float], rng) -> Image.Image:
    for _ in range(10):
        area = image.width * image.height * rng.uniform(*scale)
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if w <= image.width and h <= image.height:
            break
    left, top = rng.integers(image.width - w + 1), rng.integers(image.height - h + 1)
    box = (left, top, left + w, top + h)
    return image.crop(box).resize((size, size), Image.Resampling.BICUBIC)


def jittered(image: Image.Image, rng) -> Image.Image:
    factors = [rng.uniform(1 - a, 1 + a) for a in (0.4, 0.4, 0.2)]
    turn = rng.uniform(-0.1, 0.1)
    kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for step in rng.permutation(4):
        if step < 3:
            image = kinds[step](image).enhance(factors[step])
            continue
        hue, saturation, value = image.convert("HSV").split()
        levels = np.array(hue)
        levels += np.array(turn * 255).astype(np.int64).astype(np.uint8)
        image = Image.merge("HSV", (Image.fromarray(levels), saturation, value)).convert("RGB")
    return image


def plain_view(image, size, scale, blur_prob, solarise_prob, rng) -> np.ndarray:
    view = random_crop(image, size, scale, rng)
    if rng.random() < 0.5:
        view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.8:
        view = jittered(view, rng)
    if rng.random() < 0.2:
        view = view.convert("L").convert("RGB")
    if rng.random() < blur_prob:
        view = view.filter(ImageFilter.GaussianBlur(rng.uniform(0.1, 2.0)))
    if rng.random() < solarise_prob:
        view = ImageOps.solarize(view, 128)
    pixels = np.asarray(view).transpose(2, 0, 1).astype(np.float32) / 255  # (3, S, S)
    return (pixels - MEAN[:, None, None]) / STD[:, None, None]


def plain_views(task: tuple[Path, int]) -> int:
    path, seed = task
    rng = np.random.default_rng(seed)
    with Image.open(path) as file:
        image = file.convert("RGB")
    kinds = [(224, (0.25, 1.0), 1.0, 0.0), (224, (0.25, 1.0), 0.1, 0.2)]
    kinds += [(96, (0.05, 0.25), 0.5, 0.0)] * 10
    return sum(plain_view(image, *kind, rng).size for kind in kinds)


def main(rounds: int, cores: int) -> None:
    speeds: dict[str, list[float]] = {"ours": [], "pillow": []}
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, context.Pool(cores) as pool:
        source = write_images(Path(folder))
        pool.map(plain_views, [(path, 0) for path in source.paths])  # processes are warm
        ours(source, cores, 0)
        for epoch in range(rounds):
            started = time.perf_counter()
            ours(source, cores, epoch)
            speeds["ours"].append(IMAGES / (time.perf_counter() - started))
            tasks = [(path, epoch * IMAGES + n) for n, path in enumerate(source.paths)]
            started = time.perf_counter()
            pool.map(plain_views, tasks, chunksize=1)
            speeds["pillow"].append(IMAGES / (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    for name, speed in medians.items():
        print(f"{name}: {speed:.1f} images/s on {cores} core(s) (median of {rounds})")
    print(json.dumps({"views_vs_pil": round(medians["ours"] / medians["pillow"], 2)}))


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*numbers, *[5, len(os.sched_getaffinity(0))][len(numbers) :])
