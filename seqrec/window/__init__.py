"""Windows: which stretches of a history are trained on, one file each."""
