"""Every number that /metrics shows: declared once, exposed and documented from there."""
