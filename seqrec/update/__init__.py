"""Incremental learning: a run that goes on from another, with newer events, users and items."""
