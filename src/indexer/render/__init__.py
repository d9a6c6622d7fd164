"""Plans, results and progress as people read them; nothing here reads a system or a clock of its own."""
