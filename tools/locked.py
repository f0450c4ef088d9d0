"""Run a command under the lock of the set-up, for tools/setup: a second set-up waits and says so.

    python tools/locked.py COMMAND [ARGUMENT ...]

The lock is held by the command and all that it starts, and let go by the system when the last of them has ended, however it ended. Needs
nothing installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "analysis"))

from cordbook.core.locks import become  # noqa: E402

#: Not in .venv, which a set-up may make anew, and not in the cache, which `make clean` takes away.
FOLDER = ROOT / ".cordbook" / "setup"


def main() -> int:
    try:
        become(sys.argv[1:], FOLDER, lambda text: print(f"setup: {text}", flush=True))
    except KeyboardInterrupt:
        print("\ncordbook setup: stopped while it waited; nothing was changed", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"cordbook setup: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
