"""``python -m cordbook`` is the command ``cordbook``."""

import sys

from cordbook.cli import main

sys.exit(main())
