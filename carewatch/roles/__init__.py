"""The processes of an installation: `carewatch role NAME`, started by `carewatch run`."""
