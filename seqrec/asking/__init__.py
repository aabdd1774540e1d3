"""Active learning: which events to ask users for next, and what each way to choose is worth."""
