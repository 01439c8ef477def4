"""What a worker shows over HTTP: is it alive, is delivery going well, and what does it count. No patient's data."""
