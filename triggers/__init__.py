"""WHY: what starts people: schedules, their runs, and events."""
