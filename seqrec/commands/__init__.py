"""The commands: each module is one, with its arguments and a ``main()``."""

from seqrec.terminal.stop import end_in_words

end_in_words()  # first of all: the imports of a command take a second
