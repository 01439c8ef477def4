"""The clinic's browser dashboard: pages for staff, rendered here. Knows HTML, cookies and forms; decides nothing."""
