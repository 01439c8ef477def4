"""A long run under load and kills, to see that nothing grows (`make soak`)."""
