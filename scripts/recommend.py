"""Recommend from a trained run: after any list of items, to a user of its data, or to all."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.recommend import main

if __name__ == "__main__":
    main()
