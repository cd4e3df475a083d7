"""How cells spell values: numbers, calendar times, clock times and durations, read and written exactly."""
