"""How long things are kept that are no part of a patient's record."""
