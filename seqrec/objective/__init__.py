"""What a training step learns from a batch, one file each."""
