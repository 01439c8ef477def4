"""Published groups to compute with."""

from schedules.outcomes.survival import Followed

# Weeks of remission of 42 patients with acute leukaemia on 6-mercaptopurine or placebo: Freireich et al. 1963, Blood
# 21:699-716, as printed in Cox 1972, J R Stat Soc B 34:187-220, table 1.
ON_6MP = [Followed(week, True) for week in (6, 6, 6, 7, 10, 13, 16, 22, 23)] + [
    Followed(week, False) for week in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
]
ON_PLACEBO = [Followed(week, True) for week in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]
