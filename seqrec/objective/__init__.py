"""Objectives, which define a training step; one file each."""
