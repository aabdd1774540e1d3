"""Train and evaluate one model, or sweep over many: ``python train.py --help``."""

from seqrec.commands.train import main

if __name__ == "__main__":
    main()
