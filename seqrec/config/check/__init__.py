"""The checks that can refuse a configuration."""
