"""Is everything going as it should? Read and judged here for the service and the worker alike; writes nothing."""
