"""Everything that refuses a configuration."""
