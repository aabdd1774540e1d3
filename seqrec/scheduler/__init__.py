"""How the learning rate moves, one file each."""
