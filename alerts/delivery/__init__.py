"""From messages owed to messages handed over: outbox, channels, words, and the gateways' answers."""
