"""Recordings: taken from a live broker, played to a broker or straight into a log."""
