"""The pages that messages lead to: rendered here, without a script, for patients who have no app."""
