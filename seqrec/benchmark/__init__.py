"""Benchmarks of the engine: speed, memory, growth."""
