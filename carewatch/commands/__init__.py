"""The commands of `carewatch`, a file a group. Each imports what it needs when it is called: help stays quick."""
