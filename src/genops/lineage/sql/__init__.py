"""SQL statements understood before they run: tables, columns and what flows from which into which."""
