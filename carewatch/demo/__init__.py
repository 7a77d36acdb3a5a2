"""`make demo`: a town of watches, a broker, phones and a mailbox around the real program, all on this machine."""
