"""The REST API: one resource a file, its schemas beside its views. The only place that commits for the web."""
