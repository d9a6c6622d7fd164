"""The gate's verdict, for people and for what CI systems read."""
