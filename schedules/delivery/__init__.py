"""How what is due goes out: claim, decide, gate, send, record. Knows no plan rule and no web request.

A delivery is claimed with a lease and a fencing number, decided again under the lock that withdrawals take, written
down as an attempt, sent under a deadline that the kernel enforces, and recorded only by the holder of its fence.
"""
