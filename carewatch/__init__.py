"""The program: command line, settings, and the composition root that starts the roles. Nothing imports it."""
