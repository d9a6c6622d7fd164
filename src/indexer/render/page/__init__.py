"""What the HTML report is made of: its page, style and script, and its actions as data."""
