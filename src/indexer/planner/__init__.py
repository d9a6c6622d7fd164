"""Pure: join → desired → diff → policy → plan. No I/O, no clock, no vendor."""
