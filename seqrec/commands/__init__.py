"""What a user types: each module is one command, with its arguments and a ``main()``."""
