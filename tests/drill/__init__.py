"""The drill of docs/backup.md: a clinic is lost, and comes back from its backup."""
