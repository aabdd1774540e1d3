"""Augmentations, which change training batches; one file each."""
