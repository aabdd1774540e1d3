"""The context of an event: columns besides its item."""
