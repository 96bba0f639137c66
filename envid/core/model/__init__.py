"""How strict models are declared, and how they do without importing pydantic (``docs/adr/0008-prepared-models.md``)."""
