"""``mindtune predict``: what is in images."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path

from mindtune.cli import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image files.")
    parser.add_argument(
        "--pretrained",
        required=True,
        help="run folder, weight file, or model.mindir or model.onnx of mindtune export.",
    )
    parser.add_argument("--top", type=int, default=5, help="classes to name; default: 5.")
    parser.add_argument("--pretrained_key", help="which network of a training checkpoint.")
    parser.add_argument("--backbone", help="of a weight file that does not say its own.")
    parser.add_argument(
        "--class_names", help="text file, a class name a line; default: what the weights say."
    )


def run(options: Namespace) -> int:
    """Print the likeliest classes of each image with their probabilities; 0.

    Raises:
        UserError: images or weights cannot be read, or the weights do not say their classes.
    """
    # MindSpore takes a second to import
    from mindtune.predicting import open_predictor, predict

    names_file = None if options.class_names is None else Path(options.class_names)
    predictor = partial(
        open_predictor,
        options.pretrained,
        options.pretrained_key,
        options.backbone,
        names_file,
    )
    images = [Path(image) for image in options.images]
    for image, answers in zip(images, predict(images, predictor, options.top)):
        print(image)
        width = max(len(name) for name, _ in answers)
        for name, share in answers:
            print(f"  {name:{width}}  {100 * share:6.2f} %")
    return 0
