"""The clinical content: how protocol files are read, reviewed, edited, compared and released."""
