"""What is said to the patient, and when: reminders, quiet hours and open days, corrections."""
