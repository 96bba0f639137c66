"""Use cases: what one command does, from adapters and the core. They neither parse flags nor print."""
