"""Measurements against the budgets; each module measures one thing."""
