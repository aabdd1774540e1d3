"""How training batches are changed before they are learned from, one file each."""
