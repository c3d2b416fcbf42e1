"""How many worker processes to read with."""
