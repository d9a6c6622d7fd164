"""One run of plan or apply, from the configuration to the file: what the commands and scripts call."""
