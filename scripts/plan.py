"""Tell how many devices a catalogue needs if its item table is split over them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.plan import main

if __name__ == "__main__":
    main()
