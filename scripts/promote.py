"""Put a bundle in front of users step by step, through gates, and back."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.promote import main

if __name__ == "__main__":
    main()
