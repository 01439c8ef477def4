"""Sign-in by a clinic's own provider, against a real one in a process of its own."""
