"""Access to the service: keys, visitors' tokens, rates, and the audit of what administrators do."""
