"""Statistics of groups: time to an event, comparisons, proportions."""
