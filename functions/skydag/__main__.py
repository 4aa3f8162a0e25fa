"""python -m skydag"""

import sys

from skydag.cli.main import process

sys.exit(process())
