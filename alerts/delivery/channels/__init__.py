"""Ways to reach a person; one file a gateway."""
