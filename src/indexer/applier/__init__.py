"""Executes a plan: bounds → guard → journal → conditional write → journal. Knows no planner."""
