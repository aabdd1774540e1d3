"""The commands: each module is one, with its arguments and a ``main()``."""
