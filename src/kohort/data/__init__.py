"""Tables, from memory or from files."""
