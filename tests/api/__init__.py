"""The REST API, over its test client and over a live server."""
