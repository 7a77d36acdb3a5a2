"""From the broker to the reading log and InfluxDB. Start at pipeline.py; every column is in reading.py."""
