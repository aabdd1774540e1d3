"""Explain a recommendation of a trained run, or audit its explanations."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.explain import main

if __name__ == "__main__":
    main()
