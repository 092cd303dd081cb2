"""What operations cost: list prices, budgets and their ledger, exact totals."""
