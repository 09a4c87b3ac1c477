"""Who may look and who may act: users, sessions, API tokens and the record of what people did, in one SQLite file."""
