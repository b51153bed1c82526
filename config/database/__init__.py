"""PostgreSQL, with every connection closed by default."""
