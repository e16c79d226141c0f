"""Bounces of a Django project: a mail backend, a view for webhooks, and a command that reads a mailbox."""
