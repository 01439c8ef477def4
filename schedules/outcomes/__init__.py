"""How long things take, and how often they happen: plain statistics of groups. Pure, standard library only.

Knows no patient, no milestone and no table: it is given days and yes or no.
"""
