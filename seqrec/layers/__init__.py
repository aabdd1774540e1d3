"""Layers and functions shared by components."""
