"""Choose which items to ask users about next, and compare ways to choose."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.ask import main

if __name__ == "__main__":
    main()
