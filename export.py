"""Export weights: python export.py --pretrained RUN_FOLDER."""

import sys

from mindtune import cli, commands

if __name__ == "__main__":
    sys.exit(cli.run(commands.export))
