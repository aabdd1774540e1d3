"""Export a trained run as a bundle, which answers without torch."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.export import main

if __name__ == "__main__":
    main()
