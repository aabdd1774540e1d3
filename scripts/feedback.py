"""Describe a log of feedback, forget a session, or turn its past hours into Parquet."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.feedback import main

if __name__ == "__main__":
    main()
