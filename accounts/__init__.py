"""WHO: accounts, their members and keys, and the rule that keeps accounts apart."""
