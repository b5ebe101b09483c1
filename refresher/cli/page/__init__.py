"""What the commands of the registry page share."""
