"""What the pages read: for each a fixed set of SELECTs, however many patients there are, into frozen rows."""
