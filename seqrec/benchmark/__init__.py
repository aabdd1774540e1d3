"""Measuring the engine: speed, memory, growth."""
