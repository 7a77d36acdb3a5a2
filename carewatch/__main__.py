"""`python -m carewatch` is `carewatch`."""

from carewatch.cli import main

main()
