"""python -m skydag"""

import sys

from skydag.cli.main import main

sys.exit(main())
