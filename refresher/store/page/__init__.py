"""The registry page in a database: what people add, edit and look up."""
