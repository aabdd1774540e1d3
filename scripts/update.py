"""Update a trained run with newer events, users and items."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.update import main

if __name__ == "__main__":
    main()
