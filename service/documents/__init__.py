"""Documents for people outside: letters and plans, set as PDF in the reader's language."""
