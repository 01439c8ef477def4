"""What a backup or a restore is refused for."""


class BackupError(Exception):
    """It was refused or undone, and what was there is as it was. Says in one line what was expected and what came."""
