"""``mindtune attention``: pictures of what a ViT's class token looks at."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from mindtune.cli import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image files.")
    parser.add_argument("--pretrained", required=True, help="weight file or run folder.")
    parser.add_argument("--pretrained_key", help="which network of a training checkpoint.")
    parser.add_argument("--backbone", help="a ViT; default: what the weight file says.")
    parser.add_argument("--image_size", type=int, help="side of the input in pixels.")
    parser.add_argument("--position_resize", help="bicubic, antialias or scale, as train.py.")
    parser.add_argument("--out", default=".", help="folder to write to; default: this one.")


def run(options: Namespace) -> int:
    """Write IMAGE_attention.png for each image; 0.

    Raises:
        UserError: weights, backbone or images do not fit, or cannot be read.
    """
    # MindSpore takes a second to import
    from mindtune.attention_pictures import AttentionOptions, write_attention_pictures

    whose = AttentionOptions(
        options.pretrained,
        options.pretrained_key,
        options.backbone,
        options.image_size,
        options.position_resize,
    )
    images = [Path(image) for image in options.images]
    report, written = write_attention_pictures(images, whose, Path(options.out))
    print(report.summary())
    for path in written:
        print(path)
    return 0
