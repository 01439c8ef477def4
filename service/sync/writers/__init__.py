"""One writer for each collection that devices write: what an edit of it must fulfil, and what follows from it."""
