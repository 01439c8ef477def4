"""Everything that is tested, by kind: unit, api, property, worker, e2e, bench."""
