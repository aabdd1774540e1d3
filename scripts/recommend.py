"""Recommend from a trained run: to a session, to a user of its data, or to all users."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.recommend import main

if __name__ == "__main__":
    main()
