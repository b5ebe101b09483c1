"""The store on a PostgreSQL server: several hosts share it. Imported only where it is used."""
