"""Train one run: python train.py --config RECIPE.yaml --pretrained FILE."""

import sys

from mindtune import cli, commands

if __name__ == "__main__":
    sys.exit(cli.run(commands.train))
