"""Train a run again from its folder, and check whether every metric is the same."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.reproduce import main

if __name__ == "__main__":
    main()
